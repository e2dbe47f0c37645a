"""Messages <-> core types. Stamps are integer nanoseconds of the ROS clock inside Keel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from builtin_interfaces.msg import Duration as DurationMsg
from builtin_interfaces.msg import Time as TimeMsg
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Float64MultiArray, MultiArrayDimension
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from policy_nodes.errors import ContractError
from policy_nodes.types import ActionChunk, Alarm

SECOND_NS = 1_000_000_000


def to_ns(stamp: TimeMsg) -> int:
    """Nanoseconds of a builtin_interfaces/Time or Duration."""
    return int(stamp.sec) * SECOND_NS + int(stamp.nanosec)


def to_stamp(time_ns: int) -> TimeMsg:
    """builtin_interfaces/Time of nanoseconds since the epoch."""
    return TimeMsg(sec=int(time_ns // SECOND_NS), nanosec=int(time_ns % SECOND_NS))


def chunk_to_message(chunk: ActionChunk, joints: Sequence[str]) -> JointTrajectory:
    """Action chunk -> trajectory whose stamp is the observation time and whose points are ``step_ns`` apart.

    ``header.frame_id``, which has no meaning for joints, carries the sequence number of the policy process: it starts
    anew with a restarted process, which the safety node refuses to follow in mid-motion.
    """
    message = JointTrajectory(joint_names=list(joints))
    message.header.frame_id = str(chunk.sequence)
    message.header.stamp = to_stamp(chunk.stamp_ns)
    for k, row in enumerate(chunk.values.tolist()):
        sec, nanosec = divmod(k * chunk.step_ns, SECOND_NS)
        since = DurationMsg(sec=sec, nanosec=nanosec)
        message.points.append(JointTrajectoryPoint(positions=row, time_from_start=since))
    return message


def message_to_chunk(message: JointTrajectory, joints: Sequence[str]) -> ActionChunk:
    """Trajectory -> action chunk in contract order.

    Without a number in ``header.frame_id`` the stamp is the sequence number: it only grows too, but a restarted
    process cannot be told from a continued one.

    Raises:
        ContractError: other joints, fewer than two points, missing positions or uneven spacing.
    """
    if sorted(message.joint_names) != sorted(joints):
        raise ContractError(
            f"the action chunk commands {list(message.joint_names)}, the contract {list(joints)}.",
            "run policy_node and safety_node with the same bundle.",
        )
    order = [list(message.joint_names).index(joint) for joint in joints]
    offsets = [to_ns(point.time_from_start) for point in message.points]
    steps = set(np.diff(offsets).tolist())
    if len(offsets) < 2 or offsets[0] != 0 or len(steps) != 1 or min(steps) <= 0:
        raise ContractError(
            "the action chunk's points do not start at 0 or are not evenly spaced.",
            "publish chunks as policy_node does.",
        )
    if any(len(point.positions) != len(joints) for point in message.points):
        raise ContractError("a point of the action chunk lacks positions.", "publish one position per joint.")
    values = np.array([[point.positions[i] for i in order] for point in message.points], dtype=np.float64)
    stamp = to_ns(message.header.stamp)
    number = message.header.frame_id
    sequence = int(number) if number.isascii() and number.isdigit() else stamp
    return ActionChunk(stamp_ns=stamp, step_ns=int(steps.pop()), values=values, sequence=sequence)


def command_to_message(command: Sequence[float] | np.ndarray, joints: Sequence[str]) -> Float64MultiArray:
    """Joint command as forward_command_controller reads it; the dimension's label lists the joints for a human."""
    message = Float64MultiArray(data=np.asarray(command, dtype=np.float64).tolist())
    message.layout.dim.append(MultiArrayDimension(label=",".join(joints), size=len(joints), stride=len(joints)))
    return message


LATENCY = "latency_s"
"""Key of an alarm's latency among its scores."""


def alarm_to_message(alarm: Alarm) -> DiagnosticArray:
    """Alarm as a diagnostic: level ERROR while active, one value per normalised score, and the latency (s)."""
    level = DiagnosticStatus.ERROR if alarm.active else DiagnosticStatus.OK
    text = "failure predicted" if alarm.active else "nominal"
    values = {key: f"{score:.6g}" for key, score in alarm.scores.items()}
    if alarm.latency_s is not None:
        values[LATENCY] = f"{alarm.latency_s:.6f}"
    return diagnostic_array(alarm.stamp_ns, "failure predictor", level, text, values)


def message_to_alarm(message: DiagnosticArray) -> Alarm:
    """Inverse of :func:`alarm_to_message`.

    Raises:
        ContractError: the message is not an alarm.
    """
    if len(message.status) != 1:
        raise ContractError("an alarm message carries exactly one status.", "publish alarms as monitor_node does.")
    status = message.status[0]
    try:
        scores = {item.key: float(item.value) for item in status.values}
    except ValueError as error:
        raise ContractError(
            f"a score of an alarm is no number: {error}.", "publish alarms as monitor_node does."
        ) from None
    latency = scores.pop(LATENCY, None)
    return Alarm(to_ns(message.header.stamp), bytes(status.level) != bytes(DiagnosticStatus.OK), scores, latency)


def diagnostic_array(stamp_ns: int, name: str, level: bytes, text: str, values: Mapping[str, str]) -> DiagnosticArray:
    """One diagnostic status with a stamp."""
    pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    array = DiagnosticArray(status=[DiagnosticStatus(level=level, name=name, message=text, values=pairs)])
    array.header.stamp = to_stamp(stamp_ns)
    return array
