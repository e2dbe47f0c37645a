"""Base of the lifecycle nodes that run a bundle: parameters, loading, named failures, autostart, diagnostics."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import ConfigError, KeelError
from policy_nodes.nodes.bundle_options import OPTIONS, open_bundle
from policy_nodes.nodes.diagnostics import Diagnostics
from policy_nodes.nodes.parameters import Option, declare_options, read


class BundleNode(LifecycleNode):
    """Loads and verifies a bundle in ``configure``; subclasses build their core in :meth:`setup`.

    Args:
        name: of the node.
        options: its parameters beside ``bundle_options.OPTIONS``.

    Raises:
        ConfigError: a parameter is unknown, of the wrong type or out of range.
    """

    def __init__(self, name: str, options: Sequence[Option] = ()) -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True)
        declare_options(self, [*OPTIONS, *options])
        self.bundle: Bundle | None = None
        self._refusal: KeelError | None = None
        self._starting = False
        self._work_timer: Any = None
        self._diagnostics = Diagnostics(self, lambda: self.health())

    def text(self, name: str) -> str:
        """Value of a text parameter."""
        return read(self, name, str)

    def number(self, name: str) -> int:
        """Value of an integer parameter."""
        return read(self, name, int)

    def now_ns(self) -> int:
        """Time of the node's clock in nanoseconds."""
        return int(self.get_clock().now().nanoseconds)

    def setup(self, bundle: Bundle) -> None:
        """Build publishers, subscriptions and the core; raises KeelError to refuse. Overridden."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Undo :meth:`setup`, also a half-finished one. Overridden."""

    def health(self) -> tuple[bytes, str, dict[str, str]]:
        """Level, message and values for ``/diagnostics``. Overridden."""
        return DiagnosticStatus.OK, "no bundle loaded" if self.bundle is None else "running", {}

    def start(self) -> None:
        """Configure and activate if the parameter ``autostart`` says so.

        A refused configuration then ends the process: nothing is there to repair it, and a supervisor (launch,
        systemd) must see the failure.

        Raises:
            KeelError: configuration or activation was refused.
        """
        if not read(self, "autostart", bool):
            return
        self._starting = True
        for step in (self.trigger_configure, self.trigger_activate):
            if step() != TransitionCallbackReturn.SUCCESS:
                unnamed = ConfigError(f"{self.get_name()} did not start.", "read the error above.")
                raise self._refusal or unnamed
        self._starting = False

    def failed(self) -> str:
        """Why the node cannot go on, or nothing. Overridden where something can fail."""
        return ""

    def stop(self) -> None:
        """Bring the node to rest."""
        self.stop_timer()
        self.teardown()

    def start_timer(self, period_s: float, callback: Callable[[], None]) -> None:
        """Call ``callback`` periodically until the node leaves the active state."""
        self.stop_timer()
        self._work_timer = self.create_timer(period_s, callback)

    def stop_timer(self) -> None:
        """End what :meth:`start_timer` began."""
        if self._work_timer is not None:
            self.destroy_timer(self._work_timer)
        self._work_timer = None

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and verify the bundle, then build the core; any named failure is a FAILURE, not an ERROR."""
        self._refusal = None
        try:
            self.bundle = open_bundle(self)
            self.setup(self.bundle)
        except KeelError as error:
            self._refusal = error
            if not self._starting:
                self.get_logger().error(f"cannot configure: {error.cause} Fix: {error.fix}")
            return self._undo(TransitionCallbackReturn.FAILURE)
        except Exception:
            self.get_logger().error(f"configuring failed unexpectedly:\n{traceback.format_exc()}")
            return self._undo(TransitionCallbackReturn.ERROR)
        self.get_logger().info(f"configured with bundle '{self.bundle.manifest.name}' ({self.bundle.path})")
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End the periodic work."""
        self.stop_timer()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget the bundle."""
        return self._undo(TransitionCallbackReturn.SUCCESS)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything."""
        return self._undo(TransitionCallbackReturn.SUCCESS)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything and become unconfigured again."""
        return self._undo(TransitionCallbackReturn.SUCCESS)

    def _undo(self, outcome: TransitionCallbackReturn) -> TransitionCallbackReturn:
        self.stop()
        self.bundle = None
        return outcome
