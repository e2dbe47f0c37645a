"""Base of the lifecycle nodes that run a bundle: parameters, loading, named failures, autostart, diagnostics."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError, KeelError
from policy_nodes.nodes.conversions import diagnostic_array
from policy_nodes.nodes.parameters import TOPIC_PREFIX, Option, declare_options, read

OPTIONS = (
    Option("bundle", "", "directory of the policy bundle (NAME.keel)"),
    Option("autostart", True, "configure and activate at start, without a lifecycle manager"),
    TOPIC_PREFIX,
)
INFERENCE_OPTIONS = (
    Option("provider", "cpu", "execution provider: cpu, cuda, tensorrt or openvino"),
    Option("threads", 1, "threads of the inference session", 1, 64),
    Option("seed", 0, "seed of the sampling noise", 0, 2**31 - 1),
)


class BundleNode(LifecycleNode):
    """Loads and verifies a bundle in ``configure``; subclasses build their core in :meth:`setup`.

    Args:
        name: of the node.
        options: its parameters beside ``bundle``, ``autostart`` and ``topic_prefix``.

    Raises:
        ConfigError: a parameter is unknown, of the wrong type or out of range.
    """

    def __init__(self, name: str, options: Sequence[Option] = ()) -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True)
        declare_options(self, [*OPTIONS, *options])
        self.bundle: Bundle | None = None
        self._refusal: KeelError | None = None
        self._starting = False
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # On the steady clock: health must be visible also when /clock has stopped.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics_timer = self.create_timer(1.0, self._publish_diagnostics, clock=steady)

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
        self.teardown()

    def guarded(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """A subscription callback that an unreadable message cannot raise out of: it is logged and dropped."""

        def receive(message: Any) -> None:
            try:
                callback(message)
            except KeelError as error:
                self.get_logger().error(f"{error.cause} Fix: {error.fix}", throttle_duration_sec=5.0)
            except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
                self.get_logger().error(f"unreadable message: {error}", throttle_duration_sec=5.0)

        return receive

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and verify the bundle, then build the core; any named failure is a FAILURE, not an ERROR."""
        self._refusal = None
        try:
            if not self.text("bundle"):
                raise ConfigError("parameter 'bundle' is empty.", "start the node with -p bundle:=/path/to/NAME.keel.")
            self.bundle = load_bundle(Path(self.text("bundle")))
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
        self.teardown()
        self.bundle = None
        return outcome

    def _publish_diagnostics(self) -> None:
        level, text, values = self.health()
        name = self.get_fully_qualified_name().lstrip("/")
        self._diagnostics.publish(diagnostic_array(self.now_ns(), name, level, text, values))
