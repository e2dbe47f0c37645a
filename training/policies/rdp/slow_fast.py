"""The two rates of reactive diffusion policy: plans now and then, at every tick an action that felt what came since.

Source: Xue et al., arXiv 2503.02881, and the official runtime: the decoder replays the reactive signal from the chunk's
start through its zero state, its last output is used, and the first actions of a new chunk, which belong to the time
its making took, are never executed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Decode = Callable[[Array, Array], Array]
"""(tokens (embed, tokens), reactive (T, R)) -> actions (T, A), causal in T."""


@dataclass(frozen=True)
class LatentPlan:
    """What the slow policy sends.

    Attributes:
        start: control step of the observation that it answers; step ``start`` is the chunk's first action.
        tokens: (embed, tokens).
        base: (A,) what relative actions are added to: the measured state at ``start``.
    """

    start: int
    tokens: Array
    base: Array


class FastDecoder:
    """The fast loop.

    Args:
        decode: the tokenizer's decoder.
        horizon: H of a chunk.
    """

    def __init__(self, decode: Decode, horizon: int) -> None:
        self._decode, self._horizon = decode, horizon
        self._signals: dict[int, Array] = {}
        self._plan: LatentPlan | None = None

    def feel(self, step: int, reactive: Array) -> None:
        """Store the reactive signal (R,) of a control step."""
        self._signals[step] = np.asarray(reactive, dtype=np.float32)
        oldest = step - 2 * self._horizon
        for known in [known for known in self._signals if known < oldest]:
            del self._signals[known]

    def take(self, plan: LatentPlan) -> bool:
        """Use a plan from now on; False for one that is older than the plan in use."""
        if self._plan is not None and plan.start <= self._plan.start:
            return False
        self._plan = plan
        return True

    def act(self, step: int) -> Array | None:
        """Absolute action (A,) for a control step; None without a plan, after its end, or if a signal is missing.

        Latency matching needs no counting: a plan that was made for ``start`` and arrives at ``step`` is decoded from
        ``start`` on, so that what its making took is skipped.
        """
        plan = self._plan
        if plan is None or not plan.start <= step < plan.start + self._horizon:
            return None
        window = [self._signals.get(k) for k in range(plan.start, step + 1)]
        felt = [signal for signal in window if signal is not None]
        if len(felt) != len(window):
            return None
        return plan.base + self._decode(plan.tokens, np.stack(felt))[-1]
