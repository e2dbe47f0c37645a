"""Base of the lifecycle nodes that run a bundle: parameters, loading, named failures, autostart, diagnostics."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import IntegerRange, ParameterDescriptor
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.subscription import Subscription

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ConfigError, KeelError
from policy_nodes.inference.messages import TermReader, message_stamp_ns
from policy_nodes.nodes.conversions import diagnostic_array
from policy_nodes.nodes.message_types import message_type
from policy_nodes.nodes.qos import SENSOR

TermCallback = Callable[[ObservationTerm, int, np.ndarray], None]


class BundleNode(LifecycleNode):
    """Loads and verifies a bundle in ``configure``; subclasses build their core in :meth:`setup`.

    Parameters: ``bundle`` (directory), ``autostart`` (configure and activate at start).
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.declare("bundle", "", "directory of the policy bundle (NAME.keel)")
        self.declare("autostart", True, "configure and activate at start, without a lifecycle manager")
        self.bundle: Bundle | None = None
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._diagnostics_timer = self.create_timer(1.0, self._publish_diagnostics)

    def declare(self, name: str, default: object, description: str, range_: tuple[int, int] | None = None) -> None:
        """Declare a read-only typed parameter with a description and, for integers, a range."""
        descriptor = ParameterDescriptor(description=description, read_only=True)
        if range_ is not None:
            descriptor.integer_range.append(IntegerRange(from_value=range_[0], to_value=range_[1], step=1))
        self.declare_parameter(name, default, descriptor)

    def value(self, name: str) -> object:
        """Value of a declared parameter."""
        return self.get_parameter(name).value

    def now_ns(self) -> int:
        """Time of the node's clock in nanoseconds."""
        return int(self.get_clock().now().nanoseconds)

    def setup(self, bundle: Bundle) -> None:
        """Build publishers, subscriptions and the core; raises KeelError to refuse. Overridden."""
        raise NotImplementedError

    def teardown(self) -> None:
        """Undo :meth:`setup`. Overridden."""

    def health(self) -> tuple[bytes, str, dict[str, str]]:
        """Level, message and values for ``/diagnostics``. Overridden."""
        return DiagnosticStatus.OK, "no bundle loaded" if self.bundle is None else "running", {}

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and verify the bundle, then build the core; any named failure is a FAILURE, not an ERROR."""
        try:
            path = str(self.value("bundle"))
            if not path:
                raise ConfigError("parameter 'bundle' is empty.", "start the node with -p bundle:=/path/to/NAME.keel.")
            self.bundle = load_bundle(Path(path))
            self.setup(self.bundle)
        except KeelError as error:
            self.get_logger().error(f"cannot configure: {error.cause} Fix: {error.fix}")
            self.bundle = None
            self.teardown()
            return TransitionCallbackReturn.FAILURE
        self.get_logger().info(f"configured with bundle '{self.bundle.manifest.name}' ({self.bundle.path})")
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget the bundle."""
        self.teardown()
        self.bundle = None
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything."""
        self.teardown()
        return TransitionCallbackReturn.SUCCESS

    def subscribe_terms(self, bundle: Bundle, callback: TermCallback) -> list[Subscription]:
        """One subscription per contract topic; ``callback(term, stamp_ns, value)`` for every term of every message.

        A message that does not fit the contract (missing joint, wrong frame) is logged, throttled, and dropped: to the
        core it is silence, and silence has a defined reaction.
        """
        by_topic: dict[str, list[tuple[ObservationTerm, TermReader]]] = {}
        for term in bundle.manifest.terms:
            by_topic.setdefault(term.topic, []).append((term, TermReader(term)))

        def receive(readers: list[tuple[ObservationTerm, TermReader]], message: object) -> None:
            for term, reader in readers:
                try:
                    value = reader.read(message)
                except KeelError as error:
                    self.get_logger().error(f"{error.cause} Fix: {error.fix}", throttle_duration_sec=1.0)
                    continue
                callback(term, message_stamp_ns(message, self.now_ns()), value)

        return [
            self.create_subscription(message_type(readers[0][0].message_type), topic, partial(receive, readers), SENSOR)
            for topic, readers in by_topic.items()
        ]

    def _publish_diagnostics(self) -> None:
        level, text, values = self.health()
        self._diagnostics.publish(diagnostic_array(self.now_ns(), self.get_name(), level, text, values))


def spin_node(factory: Callable[[], BundleNode]) -> int:
    """Create a lifecycle node, start it if asked to, and spin until shutdown. Returns the exit code.

    With ``autostart`` a refused configuration ends the process with code 1: nothing is there to repair it, and a
    supervisor (launch, systemd) must see the failure.
    """
    rclpy.init(args=sys.argv)
    node = factory()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    code = 0
    try:
        if node.value("autostart"):
            started = node.trigger_configure() == TransitionCallbackReturn.SUCCESS
            started = started and node.trigger_activate() == TransitionCallbackReturn.SUCCESS
            code = 0 if started else 1
        if code == 0:
            executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.teardown()
        node.destroy_node()
        rclpy.try_shutdown()
    return code
