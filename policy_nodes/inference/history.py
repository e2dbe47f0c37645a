"""Samples of one signal ordered by stamp, bounded in time and number."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from numpy.typing import NDArray

MAX_SAMPLES = 4096


class History:
    """The samples of the last ``span_ns``, and the one just before them.

    Args:
        span_ns: how far back from the newest sample one may ask.
        max_samples: hard bound; beyond it the oldest go, whatever the span.
    """

    def __init__(self, span_ns: int, max_samples: int = MAX_SAMPLES) -> None:
        self._span_ns = span_ns
        self._max_samples = max_samples
        self._stamps: list[int] = []
        self._values: list[NDArray[Any]] = []

    def __len__(self) -> int:
        return len(self._stamps)

    @property
    def newest_ns(self) -> int:
        """Stamp of the newest sample; IndexError when empty."""
        return self._stamps[-1]

    @property
    def newest(self) -> NDArray[Any]:
        """Value of the newest sample; IndexError when empty."""
        return self._values[-1]

    def clear(self) -> None:
        """Forget all samples."""
        self._stamps.clear()
        self._values.clear()

    def insert(self, stamp_ns: int, value: NDArray[Any]) -> bool:
        """Sort a sample in; a known stamp is overwritten. False when it is too old to be asked for."""
        if self._stamps and stamp_ns < self._stamps[-1] - self._span_ns:
            return False
        position = bisect_left(self._stamps, stamp_ns)
        if position < len(self._stamps) and self._stamps[position] == stamp_ns:
            self._values[position] = value
            return True
        self._stamps.insert(position, stamp_ns)
        self._values.insert(position, value)
        # The sample before the span still answers the question "latest at or before its start".
        drop = max(bisect_right(self._stamps, self._stamps[-1] - self._span_ns) - 1, len(self) - self._max_samples, 0)
        del self._stamps[:drop], self._values[:drop]
        return True

    def at(self, target_ns: int, later_ns: int = 0) -> tuple[int, NDArray[Any]]:
        """Stamp and value of the sample for ``target_ns``.

        Args:
            target_ns: the instant asked for.
            later_ns: a sample up to this much later is taken when it is nearer than the one before.

        Returns:
            The latest sample at or before the target; the oldest when the target lies before all of them.

        Raises:
            IndexError: no samples.
        """
        after = bisect_right(self._stamps, target_ns)
        index = max(after - 1, 0)
        if 0 < after < len(self._stamps):
            late = self._stamps[after] - target_ns
            if late <= later_ns and late < target_ns - self._stamps[index]:
                index = after
        return self._stamps[index], self._values[index]
