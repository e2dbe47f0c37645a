"""May a cheaper version of a policy replace it? Both run the same seeded episodes; a real drop of success refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import KeelError
from training.evaluation.statistics import wilson_interval

Evaluator = Callable[[Bundle, Sequence[int]], list[bool]]
"""(bundle, seeds) -> success by seed."""


class GateError(KeelError):
    """A version of a policy does worse than the policy it would replace."""


@dataclass(frozen=True)
class Verdict:
    """Paired outcomes.

    Attributes:
        before: successes of the policy by seed.
        after: successes of the version by seed.
        low: lower end of the Wilson interval of ``before``.
        confidence: of the interval.
    """

    before: tuple[bool, ...]
    after: tuple[bool, ...]
    low: float
    confidence: float

    @property
    def accepted(self) -> bool:
        """Whether the version's rate lies within the policy's interval, or above."""
        return sum(self.after) >= self.low * len(self.after)

    @property
    def lost(self) -> int:
        """Seeds that only the policy solves."""
        return sum(b and not a for b, a in zip(self.before, self.after, strict=True))

    @property
    def gained(self) -> int:
        """Seeds that only the version solves."""
        return sum(a and not b for b, a in zip(self.before, self.after, strict=True))

    def __str__(self) -> str:
        n = len(self.before)
        return (
            f"success {sum(self.before)}/{n} before, {sum(self.after)}/{n} after ({self.lost} lost, {self.gained} "
            f"gained on the same seeds; at least {self.low:.3f} needed, {self.confidence:.0%} Wilson)"
        )


def compare(evaluate: Evaluator, policy: Bundle, version: Bundle, seeds: Sequence[int], confidence: float) -> Verdict:
    """Run both on the same seeds.

    Args:
        evaluate: closed loop.
        policy: as it was.
        version: that shall replace it.
        seeds: of the episodes, at least one.
        confidence: of the interval that the version's rate must not fall below.
    """
    before, after = evaluate(policy, seeds), evaluate(version, seeds)
    low, _ = wilson_interval(sum(before), len(before), confidence)
    return Verdict(tuple(before), tuple(after), low, confidence)


def require(verdict: Verdict, what: str) -> None:
    """Refuse a version that falls below the interval, and a comparison that says nothing.

    Raises:
        GateError: with both rates.
    """
    if not any(verdict.before):
        raise GateError(
            f"the policy itself never succeeds ({len(verdict.before)} episodes): nothing can be compared.",
            "evaluate it first with 'keel evaluate'; give more --episodes or another --seed.",
        )
    if not verdict.accepted:
        raise GateError(
            f"{what} does worse in closed loop: {verdict}.",
            "calibrate on more episodes, keep the policy in single precision, or take a larger network.",
        )
