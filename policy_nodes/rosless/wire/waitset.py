"""A DDS wait set that says which entity woke it, and a guard condition that wakes it from anywhere."""

from __future__ import annotations

import ctypes

from policy_nodes.rosless.wire import capi


class Guard:
    """A flag that wakes wait sets; setting it from any thread, also many times, is cheap and safe.

    Args:
        participant: DDS entity number of the participant.
    """

    def __init__(self, participant: int) -> None:
        self.entity: int = capi.create_guard(participant)

    def set(self) -> None:
        """Wake whoever waits; without effect once closed."""
        if self.entity:
            capi.set_guard(self.entity, True)

    def take(self) -> bool:
        """Return whether it was set, and clear it."""
        was_set = ctypes.c_bool()
        return bool(self.entity and capi.take_guard(self.entity, ctypes.byref(was_set)) == 0 and was_set.value)

    def close(self) -> None:
        """Delete the condition."""
        entity, self.entity = self.entity, 0
        if entity:
            capi.delete(entity)


class WaitSet:
    """Waits for DDS entities; each is known by its entity number.

    Args:
        participant: DDS entity number of the participant.
    """

    def __init__(self, participant: int) -> None:
        self._entity: int = capi.create_waitset(participant)
        self._attached: set[int] = set()
        self._buffer = (ctypes.c_ssize_t * 64)()

    def update(self, wanted: set[int]) -> None:
        """Make the attached entities equal to ``wanted``; costs nothing for the set it was last called with.

        The set must not be changed afterwards.
        """
        if wanted is self._attached:
            return
        for entity in self._attached - wanted:
            capi.waitset_detach(self._entity, entity)  # fails harmlessly when the entity is gone
        for entity in wanted - self._attached:
            capi.waitset_attach(self._entity, entity, entity)
        self._attached = wanted
        if len(wanted) > len(self._buffer):
            self._buffer = (ctypes.c_ssize_t * (2 * len(wanted)))()

    def wait(self, timeout_ns: int) -> list[int]:
        """Entity numbers that are triggered, at most after ``timeout_ns``; the GIL is free meanwhile."""
        count = capi.waitset_wait(self._entity, self._buffer, len(self._buffer), max(0, timeout_ns))
        return self._buffer[: min(count, len(self._buffer))] if count > 0 else []

    def close(self) -> None:
        """Delete the wait set."""
        entity, self._entity = self._entity, 0
        if entity:
            capi.delete(entity)
