"""``rclpy.time``: an instant of one clock. Arithmetic between different clocks raises, as in rclpy."""

from __future__ import annotations

from typing import Any

from policy_nodes.rosless.clock_type import ClockType
from policy_nodes.rosless.duration import S_TO_NS, Duration, to_nanoseconds
from policy_nodes.rosless.idl import message_class

_INT64 = 1 << 63


class Time:
    """A point in time in whole nanoseconds.

    Args:
        seconds: s, not negative.
        nanoseconds: ns, added, not negative.
        clock_type: the clock it belongs to; decides what it can be compared with.

    Raises:
        ValueError: a negative part.
        OverflowError: the sum does not fit in 63 bits.
    """

    __slots__ = ("_clock_type", "_nanoseconds")

    def __init__(
        self, *, seconds: int | float = 0, nanoseconds: int = 0, clock_type: ClockType = ClockType.SYSTEM_TIME
    ) -> None:
        if not isinstance(clock_type, ClockType):
            raise TypeError("Clock type must be a ClockType enum")
        if seconds < 0:
            raise ValueError("Seconds value must not be negative")
        if nanoseconds < 0:
            raise ValueError("Nanoseconds value must not be negative")
        total = to_nanoseconds(seconds, nanoseconds)
        if total >= _INT64:
            raise OverflowError("Total nanoseconds value is too large to store in C time point.")
        self._nanoseconds = total
        self._clock_type = clock_type

    @property
    def nanoseconds(self) -> int:
        """Nanoseconds since the clock's epoch."""
        return self._nanoseconds

    @property
    def clock_type(self) -> ClockType:
        """The clock this instant belongs to."""
        return self._clock_type

    def seconds_nanoseconds(self) -> tuple[int, int]:
        """Whole seconds and the remaining nanoseconds."""
        return divmod(self._nanoseconds, S_TO_NS)

    def to_msg(self) -> Any:
        """Convert to ``builtin_interfaces/msg/Time``."""
        sec, nanosec = self.seconds_nanoseconds()
        return message_class("builtin_interfaces/msg/Time")(sec=sec, nanosec=nanosec)

    @classmethod
    def from_msg(cls, msg: Any, clock_type: ClockType = ClockType.ROS_TIME) -> Time:
        """Convert from ``builtin_interfaces/msg/Time``; messages carry ROS time.

        Raises:
            TypeError: ``msg`` is another message.
        """
        if not isinstance(msg, message_class("builtin_interfaces/msg/Time")):
            raise TypeError("Must pass a builtin_interfaces.msg.Time object")
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec, clock_type=clock_type)

    def __repr__(self) -> str:
        return f"Time(nanoseconds={self._nanoseconds}, clock_type={self._clock_type.name})"

    def _shifted(self, nanoseconds: int) -> Time:
        return Time(nanoseconds=self._nanoseconds + nanoseconds, clock_type=self._clock_type)

    def __add__(self, other: Duration) -> Time:
        return self._shifted(other.nanoseconds) if isinstance(other, Duration) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Time):
            if self._clock_type != other._clock_type:
                raise TypeError("Can't subtract times with different clock types")
            return Duration(nanoseconds=self._nanoseconds - other._nanoseconds)
        if isinstance(other, Duration):
            try:
                return self._shifted(-other.nanoseconds)
            except ValueError as error:
                raise ValueError("Subtraction leads to negative time") from error
        return NotImplemented

    def _comparable(self, other: Time) -> int:
        if self._clock_type != other._clock_type:
            raise TypeError("Can't compare times with different clock types")
        return other._nanoseconds

    def __eq__(self, other: object) -> bool:
        return self._nanoseconds == self._comparable(other) if isinstance(other, Time) else NotImplemented

    def __hash__(self) -> int:
        return hash((self._nanoseconds, self._clock_type))

    def __lt__(self, other: Time) -> bool:
        return self._nanoseconds < self._comparable(other) if isinstance(other, Time) else NotImplemented

    def __le__(self, other: Time) -> bool:
        return self._nanoseconds <= self._comparable(other) if isinstance(other, Time) else NotImplemented

    def __gt__(self, other: Time) -> bool:
        return self._nanoseconds > self._comparable(other) if isinstance(other, Time) else NotImplemented

    def __ge__(self, other: Time) -> bool:
        return self._nanoseconds >= self._comparable(other) if isinstance(other, Time) else NotImplemented


__all__ = ["Time"]
