"""Extrema over sliding windows, amortised O(1) per sample.

The monotone queue keeps only candidates that can still become the extremum (Lemire, "Streaming maximum-minimum filter
using no more than three comparisons per element", arXiv cs/0610046). :class:`SinceWindow` extends it to the bounded
``since``: the left operand caps every candidate, which keeps the queue monotone, so capping is a merge at its front.

Everything here maximises; a minimum is the negated maximum of negated samples. ``unknown`` is what samples before the
first one are taken for.
"""

from __future__ import annotations

from collections import deque

State = tuple[object, ...]


class SlidingMax:
    """Largest of the samples that are ``begin`` to ``end`` steps old (inclusive).

    Args:
        begin: age of the youngest sample in the window, >= 0.
        end: age of the oldest.
        unknown: value of samples before the first.
    """

    __slots__ = ("_begin", "_end", "_pending", "_queue", "_time", "_unknown", "_width")

    def __init__(self, begin: int, end: int, unknown: float) -> None:
        self._begin, self._end, self._unknown = begin, end, unknown
        self._width = end - begin + 1
        self.reset()

    def reset(self) -> None:
        """Forget every sample."""
        self._time = -1
        self._pending: deque[float] = deque([self._unknown] * self._begin)
        self._queue: deque[tuple[int, float]] = deque([(-1, self._unknown)])

    def push(self, sample: float) -> float:
        """Take the newest sample; returns the maximum of the window."""
        self._time = time = self._time + 1
        if self._begin:
            pending = self._pending
            pending.append(sample)
            sample = pending.popleft()
        queue = self._queue
        while queue and queue[-1][1] <= sample:
            queue.pop()
        queue.append((time, sample))
        if queue[0][0] <= time - self._width:
            queue.popleft()
        return queue[0][1]

    def save(self) -> State:
        """A copy of the state for :meth:`load`."""
        return self._time, self._pending.copy(), self._queue.copy()

    def load(self, state: State) -> None:
        """Go back to a saved state, which is used up."""
        self._time, self._pending, self._queue = state  # type: ignore[assignment]


class SinceWindow:
    """Robustness of ``left since[begin:end] right``.

    ``max over k in [t-end, t-begin] of min(right_k, min over j in (k, t] of left_j)``. A candidate enters the queue
    when it is ``begin`` steps old, with the minimum of the ``begin`` left samples after it; from then on every new left
    sample caps all candidates. Those that it caps, at the front, become equal; only the youngest of them need stay.

    Args:
        begin: age of the youngest candidate, >= 0.
        end: age of the oldest.
        unknown: value of the right operand before the first sample.
    """

    __slots__ = ("_begin", "_end", "_gap", "_pending", "_queue", "_time", "_unknown", "_width")

    def __init__(self, begin: int, end: int, unknown: float) -> None:
        self._begin, self._end, self._unknown = begin, end, unknown
        self._width = end - begin + 1
        self._gap = SlidingMax(0, max(begin - 1, 0), -float("inf"))
        self.reset()

    def reset(self) -> None:
        """Forget every sample."""
        self._time = -1
        self._pending: deque[float] = deque([self._unknown] * self._begin)
        self._queue: deque[tuple[int, float]] = deque([(-1, self._unknown)])
        self._gap.reset()

    def push(self, left: float, right: float) -> float:
        """Take the newest samples of both operands; returns the robustness now."""
        self._time = time = self._time + 1
        queue = self._queue
        capped = None
        while queue and queue[0][1] >= left:
            capped = queue.popleft()[0]
        if capped is not None:
            queue.appendleft((capped, left))
        if self._begin:
            pending = self._pending
            pending.append(right)
            right = min(pending.popleft(), -self._gap.push(-left))
        while queue and queue[-1][1] <= right:
            queue.pop()
        queue.append((time, right))
        if queue[0][0] <= time - self._width:
            queue.popleft()
        return queue[0][1]

    def save(self) -> State:
        """A copy of the state for :meth:`load`."""
        return self._time, self._pending.copy(), self._queue.copy(), self._gap.save()

    def load(self, state: State) -> None:
        """Go back to a saved state, which is used up."""
        self._time, self._pending, self._queue, gap = state  # type: ignore[assignment]
        self._gap.load(gap)  # type: ignore[arg-type]


class Memory:
    """One remembered number: the running extremum of an unbounded operator, or the previous sample."""

    __slots__ = ("_start", "value")

    def __init__(self, start: float) -> None:
        self.value = self._start = start

    def reset(self) -> None:
        """Back to the start value."""
        self.value = self._start

    def save(self) -> State:
        """A copy of the state for :meth:`load`."""
        return (self.value,)

    def load(self, state: State) -> None:
        """Go back to a saved state."""
        (self.value,) = state  # type: ignore[assignment]
