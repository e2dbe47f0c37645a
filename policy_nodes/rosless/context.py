"""``rclpy.context``: the time between ``init`` and ``shutdown``, with its command line and its DDS participant."""

from __future__ import annotations

import inspect
import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from policy_nodes.rosless import log_core
from policy_nodes.rosless.arguments import RosArguments, parse
from policy_nodes.rosless.exceptions import NotInitializedException, RCLError

if TYPE_CHECKING:
    from policy_nodes.rosless.wire.session import Session

_initialised: weakref.WeakSet[Context] = weakref.WeakSet()


class Context:
    """Encapsulates initialisation and shutdown; used once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._state = "new"  # new -> ok -> shut (a signal came, nodes still exist) -> closed
        self._session: Session | None = None
        self._nodes: list[weakref.ref[Any]] = []
        self._callbacks: list[Callable[[], Any]] = []
        self._guards: weakref.WeakSet[Any] = weakref.WeakSet()
        self.arguments = RosArguments()
        self._domain_id: int | None = None

    def init(
        self, args: list[str] | None = None, *, initialize_logging: bool = True, domain_id: int | None = None
    ) -> None:
        """Initialise.

        Args:
            args: command line; ``sys.argv`` when None.
            initialize_logging: apply its ``--log-level``.
            domain_id: DDS domain; ``ROS_DOMAIN_ID`` when None.

        Raises:
            RuntimeError: initialised before, or a negative domain id.
            DomainError: a domain id without UDP ports.
            RCLInvalidROSArgsError, UnknownROSArgsError: the command line cannot be parsed.
        """
        from policy_nodes.rosless.wire.domain import check_domain_id, domain_id_from_env

        with self._lock:
            if domain_id is not None and domain_id < 0:
                raise RuntimeError(f"Domain id ({domain_id}) should not be lower than zero.")
            if self._state != "new":
                raise RuntimeError("Context.init() must only be called once")
            self.arguments = parse(sys.argv if args is None else args)
            self._domain_id = domain_id_from_env(os.environ) if domain_id is None else check_domain_id(domain_id)
            if initialize_logging:
                log_core.configure(self.arguments)
            self._state = "ok"
            _initialised.add(self)

    @property
    def handle(self) -> Context | None:
        """The context itself once initialised: rclpy keeps a C structure here and code tests it for None."""
        return None if self._state == "new" else self

    def ok(self) -> bool:
        """Whether it is initialised and not shut down."""
        return self._state == "ok"

    def get_domain_id(self) -> int:
        """DDS domain id.

        Raises:
            RuntimeError: not initialised.
        """
        if self._domain_id is None:
            raise RuntimeError("Context must be initialized before it can have a domain id")
        return self._domain_id

    def session(self) -> Session:
        """The DDS participant, opened on first use.

        Raises:
            NotInitializedException: the context is not ok.
            DomainError: the domain cannot be opened.
        """
        with self._lock:
            if self._session is None:
                if self._state != "ok":
                    raise NotInitializedException("the context is shut down")
                from policy_nodes.rosless.wire.session import Session

                self._session = Session(self.get_domain_id(), self.arguments.enclave)
            return self._session

    def on_shutdown(self, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` on shutdown, at once when that is past; bound methods are held weakly."""
        if not callable(callback):
            raise TypeError(f"callback should be a callable, got {type(callback)}")
        with self._lock:
            if self._state in ("new", "ok"):
                self._callbacks.append(weakref.WeakMethod(callback) if inspect.ismethod(callback) else lambda: callback)
                return
        callback()

    def shutdown(self) -> None:
        """Destroy the context's nodes and leave the DDS domain.

        Raises:
            RuntimeError: never initialised.
            RCLError: already shut down, also when a signal did it.
        """
        if self._state == "new":
            raise RuntimeError("Context must be initialized before it can be shutdown")
        if self._state != "ok":
            self._close()
            raise RCLError("failed to shutdown: rcl_shutdown already called on the given context")
        self._close()

    def try_shutdown(self) -> None:
        """Shut down unless that is past."""
        if self._state != "new":
            self._close()

    def _close(self) -> None:
        with self._lock:
            for reference in list(self._nodes):
                node = reference()
                if node is not None:
                    node.destroy_node()
        self._interrupt()
        with self._lock:
            self._state = "closed"
            session, self._session = self._session, None
            callbacks, self._callbacks = self._callbacks, []
        for resolve in callbacks:
            callback = resolve()
            if callback is not None:
                callback()
        if session is not None:
            session.close()

    def _interrupt(self) -> None:
        """Make ``ok()`` false and wake every wait; nodes stay until their owner destroys them.

        This is all that a signal does: shutdown callbacks are left to ``shutdown``, in the program's own thread.
        """
        with self._lock:
            if self._state == "ok":
                self._state = "shut"
            guards = list(self._guards)
        for guard in guards:
            guard.set()

    def track_node(self, node: Any) -> None:
        """Destroy the node on shutdown."""
        with self._lock:
            self._nodes.append(weakref.ref(node))

    def untrack_node(self, node: Any) -> None:
        """Forget a node that was destroyed before."""
        with self._lock:
            self._nodes = [reference for reference in self._nodes if reference() not in (node, None)]

    def track_guard(self, guard: Any) -> None:
        """Set the guard (``wire.waitset.Guard``) on shutdown, so that its wait ends."""
        with self._lock:
            self._guards.add(guard)
        if not self.ok():
            guard.set()

    def destroy(self) -> None:
        """Shut down and forget."""
        self.try_shutdown()

    def __enter__(self) -> Context:
        if self._state == "new":
            self.init()
        return self

    def __exit__(self, *_: object) -> None:
        self.try_shutdown()


def interrupt_all() -> None:
    """Shut down every initialised context the way a signal does: flags and wake-ups only."""
    for context in list(_initialised):
        if context.ok():
            context._interrupt()


__all__ = ["Context"]
