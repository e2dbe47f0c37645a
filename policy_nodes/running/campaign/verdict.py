"""What became of one fault, and whether it is what was declared. Pure functions of times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from policy_nodes.running.campaign.case import Case
from policy_nodes.running.reactions import TOLERANCE

STOPPING = ("BACKUP", "STOPPED")


@dataclass(frozen=True)
class Seen:
    """What was seen of one trial; times in s of one clock.

    Attributes:
        injected_s: when the fault began.
        observable_s: when it could be known; None if that never happened.
        detected_s: control instant of the first decision to stop, None without a stop.
        state: at the end of the watch.
        reason: of the stop; empty without.
        backup: that stopped the robot.
        category: of the stop, IEC 60204-1.
        limit_use: largest share of each limit that the commands used from the hand-over on; None: too few commands.
        at_rest: the robot stood at the end.
        recovered: after the fault was removed, reset and enable let the policy move again.
        detail: the supervisor's own words.
    """

    injected_s: float
    observable_s: float | None = None
    detected_s: float | None = None
    state: str = ""
    reason: str = ""
    backup: str = ""
    category: int | None = None
    limit_use: dict[str, float] | None = None
    at_rest: bool = True
    recovered: bool = True
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """One cell of the matrix.

    Attributes:
        case: name of the fault.
        phase: of motion.
        passed: everything declared was seen.
        problems: what was not, in words.
        expected: declared reaction, in words.
        reaction_periods: from observable to the decision to stop, in control periods; None without a stop.
        seen: what was seen.
        carried_out: False for a trial that could not be: it says nothing about the fault, and has not passed.
        attempts: how often it was begun; the reasons of those that said nothing are in ``notes``.
        seconds: how long it took, all attempts together.
    """

    case: str
    phase: str
    passed: bool
    problems: list[str]
    expected: str
    reaction_periods: float | None
    seen: Seen = field(repr=False)
    carried_out: bool = True
    attempts: int = 1
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def expected(case: Case, moving: bool = True) -> str:
    """The declared reaction in words."""
    if case.tolerated or (case.moving_only and not moving):
        return "tolerated"
    return " or ".join(reason.value for reason in case.reasons)


def excessive(limit_use: Mapping[str, float] | None) -> str:
    """The limit that was exceeded most, in words; empty if none was."""
    if not limit_use or max(limit_use.values()) <= 1.0 + TOLERANCE:
        return ""
    worst = max(limit_use, key=lambda name: limit_use[name])
    return f"{worst} at {limit_use[worst]:.0%} of its limit"


def not_carried_out(case: Case, phase: str, cause: str) -> Verdict:
    """Verdict on a trial that could not be carried out."""
    text = f"not carried out: {cause}"
    return Verdict(case.name, phase, False, [text], expected(case), None, Seen(0.0), carried_out=False)


def judge(
    case: Case, phase: str, moving: bool, seen: Seen, period_s: float, allowed_periods: float, categories: Sequence[int]
) -> Verdict:
    """Compare with the catalogue.

    Args:
        case: the declaration.
        phase: of motion.
        moving: the policy moved the robot in that phase.
        seen: what happened.
        period_s: control period.
        allowed_periods: longest reaction.
        categories: stop categories that the configuration gives to the declared reasons.

    A stop for one of ``may_stop`` is judged like any other, but may come before the fault can be known.
    """
    problems: list[str] = []
    reaction = None
    if seen.detected_s is not None and seen.observable_s is not None:
        reaction = (seen.detected_s - seen.observable_s) / period_s
    may = {reason.value for reason in case.may_stop}
    stopped = seen.detected_s is not None
    if (case.tolerated and not (stopped and seen.reason in may)) or (case.moving_only and not moving):
        if stopped:
            problems.append(f"stopped for {seen.reason} although it must be tolerated")
        return Verdict(case.name, phase, not problems, problems, "tolerated", reaction, seen)
    if seen.detected_s is None:
        if not (case.moving_only and seen.observable_s is None):
            problems.append("no reaction")
        return Verdict(case.name, phase, not problems, problems, expected(case), None, seen)
    # A stop without latch that ends in the tick it began has no cause any more.
    unnamed = not case.latches and not seen.reason
    if not unnamed and seen.reason not in {reason.value for reason in case.reasons} | may:
        problems.append(f"reason {seen.reason}")
    if reaction is None and not case.tolerated and seen.reason not in may:
        problems.append("a reaction before the fault could be known")
    elif reaction is not None and reaction > allowed_periods + 1e-6:
        problems.append(f"reaction after {reaction:.2f} control periods")
    final = "STOPPED" if case.latches else "READY"
    if seen.state != final:
        problems.append(f"ended in {seen.state}")
    if case.latches and seen.category not in categories:
        problems.append(f"stop category {seen.category}")
    if worst := excessive(seen.limit_use):
        problems.append(f"{worst} during the stop")
    if not seen.at_rest:
        problems.append("not at rest at the end")
    if not seen.recovered:
        problems.append("did not recover after reset and enable")
    return Verdict(case.name, phase, not problems, problems, expected(case), reaction, seen)
