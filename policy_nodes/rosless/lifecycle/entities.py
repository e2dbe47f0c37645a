"""Managed entities: things that a lifecycle node configures, activates and deactivates together with itself."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import Any, NamedTuple

from policy_nodes.rosless.lifecycle import machine


class LifecycleState(NamedTuple):
    """State that a transition callback is told about: the one before the transition."""

    label: str
    state_id: int


class TransitionCallbackReturn(Enum):
    """Outcome of a transition callback, numbered as in ``lifecycle_msgs/msg/Transition``."""

    SUCCESS = 97
    FAILURE = 98
    ERROR = 99

    def to_label(self) -> str:
        """Label of the transition that this outcome takes."""
        return {97: machine.SUCCESS, 98: machine.FAILURE, 99: machine.ERROR}[self.value]


class ManagedEntity:
    """Base of managed entities; every callback succeeds unless overridden."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Handle configuring; ``state`` is the one before."""
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Handle cleaning up."""
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Handle shutting down."""
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Handle activating."""
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Handle deactivating."""
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Handle error processing."""
        return TransitionCallbackReturn.SUCCESS


class SimpleManagedEntity(ManagedEntity):
    """Managed entity that only remembers whether it is active."""

    def __init__(self) -> None:
        self._enabled = False

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Enable."""
        self._enabled = True
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Disable."""
        self._enabled = False
        return TransitionCallbackReturn.SUCCESS

    @property
    def is_activated(self) -> bool:
        """Whether it is active."""
        return self._enabled

    @staticmethod
    def when_enabled(
        wrapped: Callable[..., None] | None = None, *, when_not_enabled: Callable[..., None] | None = None
    ) -> Any:
        """Decorator: run a method only while active, else call ``when_not_enabled`` if there is one."""

        def decorator(method: Callable[..., None]) -> Callable[..., None]:
            @wraps(method)
            def guarded(self: SimpleManagedEntity, *args: Any, **kwargs: Any) -> None:
                if self._enabled:
                    method(self, *args, **kwargs)
                elif when_not_enabled is not None:
                    when_not_enabled()

            return guarded

        return decorator if wrapped is None else decorator(wrapped)
