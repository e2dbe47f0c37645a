"""``rclpy.guard_condition``: run a callback in the executor, triggered from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from policy_nodes.rosless.context import Context
from policy_nodes.rosless.utilities import get_default_context
from policy_nodes.rosless.wire.waitset import Guard


class GuardCondition:
    """A condition that code sets.

    Args:
        callback: run by the executor after each trigger.
        callback_group: of the callback.
        context: default when None.
    """

    def __init__(self, callback: Callable[[], Any] | None, callback_group: Any, context: Context | None = None) -> None:
        self._context = context or get_default_context()
        self._guard = Guard(self._context.session().entity)
        self._lock = threading.Lock()
        self.callback = callback
        self.callback_group = callback_group

    def trigger(self) -> None:
        """Make the callback run once, however often this is called before it does."""
        self._guard.set()

    def destroy(self) -> None:
        """Delete the condition; ``Node.destroy_guard_condition`` is the way for users."""
        with self._lock:
            self._guard.close()

    def _conditions(self) -> tuple[int, ...]:
        return (self._guard.entity,) if self._guard.entity else ()

    def _take(self) -> Callable[[], Any] | None:
        return self.callback if self._guard.take() else None


__all__ = ["GuardCondition"]
