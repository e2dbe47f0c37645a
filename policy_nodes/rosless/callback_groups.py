"""``rclpy.callback_groups``: which callbacks may run at the same time."""

from __future__ import annotations

import weakref
from threading import Lock
from typing import Any


class CallbackGroup:
    """Base of the groups; each entity of a node belongs to one."""

    def __init__(self) -> None:
        self.entities: weakref.WeakSet[Any] = weakref.WeakSet()

    def add_entity(self, entity: Any) -> None:
        """Add a timer, subscription, service, client, guard condition or event."""
        self.entities.add(entity)

    def has_entity(self, entity: Any) -> bool:
        """Whether the entity was added to this group."""
        return entity in self.entities

    def can_execute(self, entity: Any) -> bool:
        """Whether a callback of the entity may start now."""
        raise NotImplementedError

    def beginning_execution(self, entity: Any) -> bool:
        """Claim the right to run a callback; False when it is not free."""
        raise NotImplementedError

    def ending_execution(self, entity: Any) -> None:
        """Give the right back."""
        raise NotImplementedError


class ReentrantCallbackGroup(CallbackGroup):
    """Callbacks may run in parallel, also several of the same entity."""

    def can_execute(self, entity: Any) -> bool:
        """Always True."""
        return True

    def beginning_execution(self, entity: Any) -> bool:
        """Always True."""
        return True

    def ending_execution(self, entity: Any) -> None:
        """Nothing to give back."""


class MutuallyExclusiveCallbackGroup(CallbackGroup):
    """One callback at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._active: Any = None
        self._lock = Lock()

    def can_execute(self, entity: Any) -> bool:
        """True while no callback of the group runs."""
        with self._lock:
            return self._active is None

    def beginning_execution(self, entity: Any) -> bool:
        """Claim the group."""
        with self._lock:
            if self._active is not None:
                return False
            self._active = entity
            return True

    def ending_execution(self, entity: Any) -> None:
        """Release the group when ``entity`` holds it."""
        with self._lock:
            if self._active is entity:
                self._active = None


__all__ = ["CallbackGroup", "MutuallyExclusiveCallbackGroup", "ReentrantCallbackGroup"]
