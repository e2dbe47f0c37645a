"""Reads contract terms from ROS messages by their fields alone; needs no ROS.

Joint values are taken by joint name, so that the order of a JointState never matters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ContractError
from policy_nodes.types import JointSample

_UNIT_TOLERANCE = 0.02
"""How far a quaternion's norm may be from one before it is called broken rather than rounded."""


def message_stamp_ns(message: Any, arrival_ns: int = 0) -> int:
    """Stamp of a message's header in ns; ``arrival_ns`` where it has none or leaves it zero."""
    header = getattr(message, "header", None)
    if header is None:
        return arrival_ns
    at = header.stamp
    stamp = int(at.sec) * 1_000_000_000 + int(at.nanosec)
    return stamp if stamp != 0 else arrival_ns


class TermReader:
    """Extracts one term from its messages, remembering where in the message the joints stand.

    Args:
        term: of the contract.
    """

    def __init__(self, term: ObservationTerm) -> None:
        self._term = term
        self._names: tuple[str, ...] | None = None
        self._order: list[int] = []
        readers: dict[str, Callable[[Any], Sequence[float]]] = {
            "sensor_msgs/msg/JointState": self._joints,
            "geometry_msgs/msg/PoseStamped": self._pose,
            "std_msgs/msg/Float64MultiArray": self._data,
            "sensor_msgs/msg/Imu": self._imu,
            "geometry_msgs/msg/Twist": self._twist,
            "geometry_msgs/msg/TwistStamped": lambda message: self._framed(message, message.twist),
            "geometry_msgs/msg/WrenchStamped": self._wrench,
            "trajectory_msgs/msg/JointTrajectory": self._first_positions,
            "nav_msgs/msg/Odometry": lambda message: self._framed(message, message.twist.twist, message.child_frame_id),
        }
        self._read = readers[term.message_type]

    def read(self, message: Any) -> NDArray[np.float64]:
        """Raw value in contract order, (size,) float64; may hold NaN if the message does.

        Raises:
            ContractError: a joint is missing or repeated, the field is empty or of wrong length, the frame is
                another, or the quaternion is not a rotation.
        """
        return np.array(self._read(message), dtype=np.float64)

    def _error(self, cause: str, fix: str) -> ContractError:
        return ContractError(f"Observation term '{self._term.name}' on {self._term.topic}: {cause}.", fix)

    def _joints(self, message: Any) -> Sequence[float]:
        names = tuple(message.name)
        if names != self._names:
            where = f"Observation term '{self._term.name}' on {self._term.topic}"
            self._order = joint_positions(names, self._term.axes, where)
            self._names = names
        values = getattr(message, self._term.field)
        if len(values) != len(names):
            raise self._error(
                f"field '{self._term.field}' has {len(values)} values for {len(names)} joints",
                f"make the driver publish '{self._term.field}' for every joint",
            )
        return [values[index] for index in self._order]

    def _first_positions(self, message: Any) -> Sequence[float]:
        if not message.points or len(message.points[0].positions) != len(message.joint_names):
            raise self._error("the trajectory has no first point with every position", "publish as policy_node does")
        where = f"Observation term '{self._term.name}' on {self._term.topic}"
        order = joint_positions(tuple(message.joint_names), self._term.axes, where)
        return [message.points[0].positions[index] for index in order]

    def _check_frame(self, frame: str) -> None:
        if self._term.frame_id is not None and frame.lstrip("/") != self._term.frame_id:
            raise self._error(
                f"frame is '{frame.lstrip('/')}', the contract says '{self._term.frame_id}'",
                "transform the value with tf2 before publishing it",
            )

    def _quaternion(self, quaternion: Any) -> list[float]:
        quat_xyzw = [quaternion.x, quaternion.y, quaternion.z, quaternion.w]
        x, y, z, w = quat_xyzw
        norm = math.sqrt(x * x + y * y + z * z + w * w)  # numpy takes ten times as long for four numbers
        if abs(norm - 1.0) > _UNIT_TOLERANCE:  # NaN compares false and is refused later, by name of the axis
            raise self._error(f"the quaternion has norm {norm:.3f}", "publish a normalised orientation")
        return quat_xyzw

    def _pose(self, message: Any) -> Sequence[float]:
        self._check_frame(message.header.frame_id)
        xyz = _xyz(message.pose.position)
        return xyz if self._term.field == "pose.position" else xyz + self._quaternion(message.pose.orientation)

    def _imu(self, message: Any) -> Sequence[float]:
        self._check_frame(message.header.frame_id)
        if self._term.field in ("angular_velocity", "linear_acceleration"):
            return _xyz(getattr(message, self._term.field))
        if message.orientation_covariance[0] == -1.0:  # sensor_msgs/msg/Imu: this driver has no orientation
            raise self._error("the driver publishes no orientation", "use an IMU filter such as imu_filter_madgwick")
        quat_xyzw = self._quaternion(message.orientation)
        return quat_xyzw if self._term.field == "orientation" else projected_gravity(quat_xyzw)

    def _framed(self, message: Any, twist: Any, frame: str | None = None) -> Sequence[float]:
        self._check_frame(message.header.frame_id if frame is None else frame)
        return self._twist(twist)

    def _wrench(self, message: Any) -> Sequence[float]:
        self._check_frame(message.header.frame_id)
        return _xyz(getattr(message.wrench, self._term.field))

    def _twist(self, twist: Any) -> Sequence[float]:
        if self._term.field == "planar":
            return [twist.linear.x, twist.linear.y, twist.angular.z]
        return _xyz(getattr(twist, self._term.field))

    def _data(self, message: Any) -> Sequence[float]:
        if len(message.data) != self._term.size:
            raise self._error(
                f"has {len(message.data)} values, the contract {self._term.size}",
                f"publish {', '.join(self._term.axes[:8])}",
            )
        return list(message.data)


def _xyz(vector: Any) -> list[float]:
    return [vector.x, vector.y, vector.z]


def projected_gravity(quat_xyzw: Sequence[float]) -> list[float]:
    """Direction of gravity in the body frame: ``R(q)^T (0, 0, -1)``, of norm 1 for a unit quaternion.

    Args:
        quat_xyzw: orientation of the body in a frame whose z points up (REP-103).
    """
    x, y, z, w = quat_xyzw
    return [2.0 * (w * y - x * z), -2.0 * (y * z + w * x), 2.0 * (x * x + y * y) - 1.0]


def extract(term: ObservationTerm, message: Any) -> NDArray[np.float64]:
    """One value without keeping a reader; see ``TermReader.read``."""
    return TermReader(term).read(message)


class JointReader:
    """Reads position, velocity and effort of some joints, remembering where in the message they stand.

    Velocities are zero where the driver publishes none. Effort is optional: absent or NaN for every joint (as
    ros2_control publishes without the interface) it is None.

    Args:
        joints: names in the order of the samples.
    """

    def __init__(self, joints: Sequence[str]) -> None:
        self._joints = tuple(joints)
        self._names: tuple[str, ...] | None = None
        self._order = np.zeros(0, dtype=np.intp)

    def read(self, message: Any, arrival_ns: int = 0) -> JointSample:
        """The sample of a JointState.

        Args:
            message: a JointState.
            arrival_ns: stamp to use where the message has none.

        Raises:
            ContractError: a joint is missing or repeated, or a field has the wrong length.
        """
        names = tuple(message.name)
        if names != self._names:
            self._order = np.array(joint_positions(names, self._joints, "JointState"), dtype=np.intp)
            self._names = names
        position = self._field(message, "position")
        velocity = self._field(message, "velocity") if len(message.velocity) else np.zeros(len(self._order))
        effort = np.asarray(getattr(message, "effort", ()), dtype=np.float64)
        known = effort.size == len(names) and bool(np.isfinite(effort[self._order]).any())
        stamp_ns = message_stamp_ns(message, arrival_ns)
        return JointSample(stamp_ns, position, velocity, effort[self._order] if known else None)

    def _field(self, message: Any, field: str) -> NDArray[np.float64]:
        values = np.asarray(getattr(message, field), dtype=np.float64)
        assert self._names is not None
        if values.size != len(self._names):
            raise ContractError(
                f"JointState: field '{field}' has {values.size} values for {len(self._names)} joints.",
                f"make the driver publish '{field}' for every joint",
            )
        picked: NDArray[np.float64] = values[self._order]
        return picked


def joint_sample(joints: Sequence[str], message: Any, arrival_ns: int = 0) -> JointSample:
    """One sample without keeping a reader; see ``JointReader.read``."""
    return JointReader(joints).read(message, arrival_ns)


def joint_positions(names: Sequence[str], joints: Sequence[str], where: str) -> list[int]:
    """Index in ``names`` of each of ``joints``.

    Raises:
        ContractError: a joint is missing or repeated; ``where`` begins the sentence.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ContractError(f"{where}: joint '{repeated[0]}' appears twice.", "check the joint_state_broadcaster")
    index = {name: position for position, name in enumerate(names)}
    missing = [joint for joint in joints if joint not in index]
    if missing:
        near = get_close_matches(missing[0], [name for name in names if name not in joints], n=1, cutoff=0.5)
        hint = f"the message has '{near[0]}'" if near else f"the message has {', '.join(names[:12]) or 'no joints'}"
        plural = "s" if len(missing) > 1 else ""
        raise ContractError(
            f"{where}: joint{plural} {', '.join(missing[:12])} missing.",
            f"use a bundle for this robot or rename its joints; {hint}",
        )
    return [index[joint] for joint in joints]
