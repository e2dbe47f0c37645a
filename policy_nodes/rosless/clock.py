"""``rclpy.clock``: system, steady and ROS clocks; ROS time follows /clock when a time source activates it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from policy_nodes.rosless.clock_type import ClockType
from policy_nodes.rosless.context import Context
from policy_nodes.rosless.duration import Duration
from policy_nodes.rosless.exceptions import NotInitializedException
from policy_nodes.rosless.time import Time
from policy_nodes.rosless.utilities import get_default_context

_SLEEP_SLICE_S = 0.1


class ClockChange(IntEnum):
    """What happened to a clock's source in a jump."""

    ROS_TIME_NO_CHANGE = 1
    ROS_TIME_ACTIVATED = 2
    ROS_TIME_DEACTIVATED = 3
    SYSTEM_TIME_NO_CHANGE = 4


class JumpThreshold:
    """How far a clock must jump before a callback is told.

    Args:
        min_forward: positive duration, or None to ignore forward jumps.
        min_backward: negative duration, or None to ignore backward jumps.
        on_clock_change: tell when ROS time is activated or deactivated.

    Raises:
        ValueError: a wrong sign, or nothing enabled.
    """

    def __init__(
        self, *, min_forward: Duration | None, min_backward: Duration | None, on_clock_change: bool = True
    ) -> None:
        if min_forward is not None and min_forward.nanoseconds <= 0:
            raise ValueError("min_forward must be a positive non-zero duration")
        if min_backward is not None and min_backward.nanoseconds >= 0:
            raise ValueError("min_backward must be a negative non-zero duration")
        if min_forward is None and min_backward is None and not on_clock_change:
            raise ValueError("At least one jump threshold must be enabled")
        self.min_forward = min_forward
        self.min_backward = min_backward
        self.on_clock_change = on_clock_change

    def exceeded(self, change: ClockChange, delta_ns: int) -> bool:
        """Whether a jump of ``delta_ns`` with this source change must be told; a far one is, whatever its cause."""
        if self.on_clock_change and change in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED):
            return True
        forward = self.min_forward is not None and delta_ns >= self.min_forward.nanoseconds
        backward = self.min_backward is not None and delta_ns <= self.min_backward.nanoseconds
        return forward or backward


class TimeJump:
    """A jump: the change of source and the signed distance."""

    def __init__(self, clock_change: ClockChange, delta: Duration) -> None:
        self.clock_change = clock_change
        self.delta = delta


class JumpHandle:
    """A registered jump callback; also a context manager.

    Args:
        clock: the clock.
        threshold: which jumps count.
        pre_callback: called before the clock changes.
        post_callback: called with a :class:`TimeJump` afterwards.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        threshold: JumpThreshold,
        pre_callback: Callable[[], Any] | None,
        post_callback: Callable[[TimeJump], Any] | None,
    ) -> None:
        if pre_callback is None and post_callback is None:
            raise ValueError("One of pre_callback or post_callback must be callable")
        self.threshold = threshold
        self.pre_callback = pre_callback
        self.post_callback = post_callback
        self._clock: Clock | None = clock
        clock._handles.append(self)

    def unregister(self) -> None:
        """Remove the callback."""
        if self._clock is not None:
            self._clock._handles.remove(self)
            self._clock = None

    def __enter__(self) -> JumpHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()


class Clock:
    """A clock; ``Clock(clock_type=ClockType.ROS_TIME)`` makes a :class:`ROSClock`."""

    _clock_type: ClockType
    _handles: list[JumpHandle]
    _timers: weakref.WeakSet[Any]
    _override_ns: int
    _active: bool

    def __new__(cls, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> Clock:
        """Make the clock, a :class:`ROSClock` for ROS time."""
        if not isinstance(clock_type, ClockType):
            raise TypeError("Clock type must be a ClockType enum")
        self = super().__new__(ROSClock if clock_type is ClockType.ROS_TIME else cls)
        self._clock_type = clock_type
        self._handles = []
        self._timers = weakref.WeakSet()
        self._override_ns = 0
        self._active = False
        return self

    @property
    def clock_type(self) -> ClockType:
        """Source of the clock."""
        return self._clock_type

    def __repr__(self) -> str:
        return f"Clock(clock_type={self._clock_type.name})"

    def _now_ns(self) -> int:
        if self._clock_type is ClockType.STEADY_TIME:
            return time.monotonic_ns()
        return self._override_ns if self._active else time.time_ns()

    def now(self) -> Time:
        """The current time."""
        made = Time.__new__(Time)  # a clock's own reading needs none of the constructor's checks; nodes ask often
        made._nanoseconds, made._clock_type = self._now_ns(), self._clock_type
        return made

    def create_jump_callback(
        self,
        threshold: JumpThreshold,
        *,
        pre_callback: Callable[[], Any] | None = None,
        post_callback: Callable[[TimeJump], Any] | None = None,
    ) -> JumpHandle:
        """Be told when the clock jumps; arguments as in :class:`JumpHandle`."""
        return JumpHandle(clock=self, threshold=threshold, pre_callback=pre_callback, post_callback=post_callback)

    def sleep_until(self, until: Time, context: Context | None = None) -> bool:
        """Sleep until an instant of this clock.

        Returns:
            True when the instant was reached; False on shutdown, or when ROS time was switched on or off.

        Raises:
            ValueError: an instant of another clock.
            NotInitializedException: the context is not ok.
        """
        context = context or get_default_context()
        if not context.ok():
            raise NotInitializedException()
        if until.clock_type != self._clock_type:
            raise ValueError("until's clock type does not match this clock's type")
        woken = threading.Event()
        changed = threading.Event()

        def on_jump(jump: TimeJump) -> None:
            if jump.clock_change in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED):
                changed.set()
            woken.set()

        threshold = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=None)
        with self.create_jump_callback(threshold, post_callback=on_jump):
            while context.ok() and not changed.is_set() and (left := until.nanoseconds - self._now_ns()) > 0:
                woken.wait(_SLEEP_SLICE_S if self._active else min(left / 1e9, _SLEEP_SLICE_S))
                woken.clear()
        return context.ok() and not changed.is_set()

    def sleep_for(self, rel_time: Duration, context: Context | None = None) -> bool:
        """Sleep for a duration of this clock; see :meth:`sleep_until`."""
        return self.sleep_until(self.now() + rel_time, context)


class ROSClock(Clock):
    """The clock of nodes: wall time, or /clock while ROS time is active."""

    def __new__(cls) -> ROSClock:  # type: ignore[misc]
        """Make the clock."""
        return super().__new__(cls, clock_type=ClockType.ROS_TIME)  # type: ignore[return-value]

    @property
    def ros_time_is_active(self) -> bool:
        """Whether the time comes from :meth:`set_ros_time_override`."""
        return self._active

    def _jump(self, change: ClockChange, active: bool, override_ns: int) -> None:
        before = self._now_ns()
        after = override_ns if active else time.time_ns()
        told = [handle for handle in self._handles if handle.threshold.exceeded(change, after - before)]
        for handle in told:
            if handle.pre_callback is not None:
                handle.pre_callback()
        self._active, self._override_ns = active, override_ns
        for handle in told:
            if handle.post_callback is not None:
                handle.post_callback(TimeJump(change, Duration(nanoseconds=after - before)))
        for timer in list(self._timers):
            timer._clock_moved(change)

    def _set_ros_time_is_active(self, enabled: bool) -> None:
        if enabled != self._active:
            change = ClockChange.ROS_TIME_ACTIVATED if enabled else ClockChange.ROS_TIME_DEACTIVATED
            self._jump(change, enabled, self._override_ns)

    def set_ros_time_override(self, time: Time) -> None:
        """Set what the clock says while ROS time is active.

        Raises:
            TypeError: not a Time.
        """
        if not isinstance(time, Time):
            raise TypeError(f"Time must be specified as rclpy.time.Time. Received type: {type(time)}")
        if self._active:
            self._jump(ClockChange.ROS_TIME_NO_CHANGE, True, time.nanoseconds)
        else:
            self._override_ns = time.nanoseconds


__all__ = ["Clock", "ClockChange", "ClockType", "JumpHandle", "JumpThreshold", "ROSClock", "TimeJump"]
