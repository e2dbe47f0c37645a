"""What can go wrong with a stream of messages, as small transformations that know neither ROS nor a clock.

The same transformation corrupts the governor's inputs on a simulated clock (:mod:`.bench`) and the topics of live nodes
(``fault_node``), so that both campaigns mean the same thing by the same name. One message becomes a list of messages,
each with a delay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

NS = 1_000_000_000


@dataclass(frozen=True)
class Sample:
    """One message, reduced to what faults change.

    Attributes:
        stamp_ns: its stamp.
        values: joint positions (n,), a pose (7,), quat_xyzw, angular rates and specific force of an IMU (10,),
            a planar velocity (3,), a chunk (T, n), scores (k,) or a command (n,).
        names: of the last axis, where the message carries names.
        alarming: of an alarm.
    """

    stamp_ns: int
    values: NDArray[np.float64]
    names: tuple[str, ...] = ()
    alarming: bool = False


Out = list[tuple[int, Sample]]
"""Delay in ns and message."""
Corruption = Callable[[Sample], Out]
"""Takes every message from the injection on; stateful ones are made anew for every injection."""
Maker = Callable[[], Corruption]


def drop() -> Corruption:
    """Nothing arrives any more."""
    return lambda sample: []


def delay(seconds: float) -> Maker:
    """Everything arrives late, in order."""
    return lambda: lambda sample: [(round(seconds * NS), sample)]


def duplicate() -> Corruption:
    """Everything arrives twice."""
    return lambda sample: [(0, sample), (0, sample)]


def reorder() -> Corruption:
    """Messages are swapped in pairs: the newer one first."""
    held: list[Sample] = []

    def swap(sample: Sample) -> Out:
        if not held:
            held.append(sample)
            return []
        return [(0, sample), (1, held.pop())]

    return swap


def element(index: int, value: float) -> Maker:
    """One element has a wrong value: NaN, infinite, out of range."""

    def make() -> Corruption:
        def corrupt(sample: Sample) -> Out:
            values = sample.values.copy()
            values[..., index] = value
            return [(0, replace(sample, values=values))]

        return corrupt

    return make


def jump(amount: float, index: int | None = None) -> Maker:
    """Values are off by ``amount``: all of the last axis, or one element of it."""

    def make() -> Corruption:
        def corrupt(sample: Sample) -> Out:
            values = sample.values.copy()
            values[... if index is None else (..., index)] += amount
            return [(0, replace(sample, values=values))]

        return corrupt

    return make


def overwrite(first: int, values: Sequence[float]) -> Maker:
    """Elements from ``first`` on are ``values``, whatever they were."""

    def make() -> Corruption:
        def corrupt(sample: Sample) -> Out:
            changed = sample.values.copy()
            changed[..., first : first + len(values)] = values
            return [(0, replace(sample, values=changed))]

        return corrupt

    return make


def freeze() -> Corruption:
    """The first values are repeated with fresh stamps: a source that hangs but keeps publishing."""
    first: list[Sample] = []

    def repeat(sample: Sample) -> Out:
        first.append(sample)
        del first[1:]
        return [(0, replace(sample, values=first[0].values))]

    return repeat


def wrong_order() -> Corruption:
    """Values are in another order than the names say: the classic silent mismatch."""
    return lambda sample: [(0, replace(sample, values=np.roll(sample.values, 1, axis=-1)))]


def permuted() -> Corruption:
    """Names and values are in another order, together: legal wherever a message carries names."""
    return lambda sample: [
        (0, replace(sample, values=sample.values[..., ::-1].copy(), names=tuple(reversed(sample.names))))
    ]


def shorten() -> Corruption:
    """The last element is missing."""
    return lambda sample: [(0, replace(sample, values=sample.values[..., :-1], names=sample.names[:-1]))]


def truncate() -> Corruption:
    """The last point of a chunk is missing."""
    return lambda sample: [(0, replace(sample, values=sample.values[:-1]))]


def stale_stamp() -> Corruption:
    """The first stamp is repeated for ever: the source's clock stands still."""
    first: list[int] = []

    def repeat(sample: Sample) -> Out:
        first.append(sample.stamp_ns)
        del first[1:]
        return [(0, replace(sample, stamp_ns=first[0]))]

    return repeat


def shift_stamp(seconds: float) -> Maker:
    """Stamps are off by ``seconds``; positive is the future."""
    shift = round(seconds * NS)
    return lambda: lambda sample: [(0, replace(sample, stamp_ns=sample.stamp_ns + shift))]


def flood(times: int) -> Maker:
    """Every message arrives ``times`` times with slightly later stamps: a source gone wild."""
    return lambda: lambda sample: [(k, replace(sample, stamp_ns=sample.stamp_ns + k)) for k in range(times)]


def alarm() -> Corruption:
    """Every verdict is alarming."""
    return lambda sample: [(0, replace(sample, alarming=True))]


def thin(keep_every: int) -> Maker:
    """Only one of ``keep_every`` messages arrives: a lossy link."""

    def make() -> Corruption:
        count = [0]

        def lose(sample: Sample) -> Out:
            count[0] += 1
            return [(0, sample)] if count[0] % keep_every == 0 else []

        return lose

    return make
