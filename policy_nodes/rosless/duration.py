"""``rclpy.duration``: a signed span of time in whole nanoseconds."""

from __future__ import annotations

from typing import Any

from policy_nodes.rosless.idl import message_class

S_TO_NS = 1_000_000_000
_INT64 = 1 << 63


def to_nanoseconds(seconds: int | float, nanoseconds: int | float) -> int:
    """Whole nanoseconds of ``seconds`` plus ``nanoseconds``, as rclpy rounds them (towards zero)."""
    return int(seconds * S_TO_NS) + int(nanoseconds)


class Duration:
    """A signed duration.

    Args:
        seconds: s, may be a fraction.
        nanoseconds: ns, added.

    Raises:
        OverflowError: the sum does not fit in 64 bits.
    """

    __slots__ = ("_nanoseconds",)

    def __init__(self, *, seconds: int | float = 0, nanoseconds: int = 0) -> None:
        total = to_nanoseconds(seconds, nanoseconds)
        if not -_INT64 <= total < _INT64:
            raise OverflowError("Total nanoseconds value is too large to store in C duration.")
        self._nanoseconds = total

    @property
    def nanoseconds(self) -> int:
        """The whole span in ns."""
        return self._nanoseconds

    def to_msg(self) -> Any:
        """Convert to ``builtin_interfaces/msg/Duration`` (nanosec is never negative)."""
        sec, nanosec = divmod(self._nanoseconds, S_TO_NS)
        return message_class("builtin_interfaces/msg/Duration")(sec=sec, nanosec=nanosec)

    @classmethod
    def from_msg(cls, msg: Any) -> Duration:
        """Convert from ``builtin_interfaces/msg/Duration``.

        Raises:
            TypeError: ``msg`` is another message.
        """
        if not isinstance(msg, message_class("builtin_interfaces/msg/Duration")):
            raise TypeError("Must pass a builtin_interfaces.msg.Duration object")
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec)

    def get_c_duration(self) -> Duration:
        """This duration; rclpy converts to a C structure here and this layer has none."""
        return self

    def __repr__(self) -> str:
        return f"Duration(nanoseconds={self._nanoseconds})"

    def __str__(self) -> str:
        return "Infinite" if self._nanoseconds == Infinite._nanoseconds else f"{self._nanoseconds} nanoseconds"

    def __eq__(self, other: object) -> bool:
        return self._nanoseconds == other._nanoseconds if isinstance(other, Duration) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._nanoseconds)

    def __lt__(self, other: Duration) -> bool:
        return self._nanoseconds < other._nanoseconds if isinstance(other, Duration) else NotImplemented

    def __le__(self, other: Duration) -> bool:
        return self._nanoseconds <= other._nanoseconds if isinstance(other, Duration) else NotImplemented

    def __gt__(self, other: Duration) -> bool:
        return self._nanoseconds > other._nanoseconds if isinstance(other, Duration) else NotImplemented

    def __ge__(self, other: Duration) -> bool:
        return self._nanoseconds >= other._nanoseconds if isinstance(other, Duration) else NotImplemented


Infinite = Duration(nanoseconds=_INT64 - 1)

__all__ = ["Duration", "Infinite"]
