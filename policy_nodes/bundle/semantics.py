"""Checks that no single field can fail alone: units against modes, graph against contract, rates against horizons.

Each check is a pure function ``(manifest) -> Iterator[str]`` of sentences that name the field at fault.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator

from policy_nodes.bundle.limits import MANIFEST_NAME, MAX_FILE_BYTES, REQUIRED_FILES, SIGNATURE_NAME
from policy_nodes.bundle.manifest import ActionSpec, ActionTerm, GraphTensor, Manifest, ObservationTerm
from policy_nodes.bundle.realtime_semantics import (
    check_execution,
    check_reactive,
    check_step_graph,
    check_variants,
)

ACTION_UNITS = {
    "position": {"rad", "m"},
    "delta_position": {"rad", "m"},
    "velocity": {"rad/s", "m/s"},
    "effort": {"N*m", "N"},
    "twist": {"m/s", "rad/s"},
}
JOINT_UNITS = {"position": {"rad", "m"}, "velocity": {"rad/s", "m/s"}, "effort": {"N*m", "N"}}
MESSAGE_FIELDS = {
    "sensor_msgs/msg/JointState": {"position", "velocity", "effort"},
    "geometry_msgs/msg/PoseStamped": {"pose", "pose.position"},
    "std_msgs/msg/Float64MultiArray": {"data"},
    "sensor_msgs/msg/Imu": {"orientation", "angular_velocity", "linear_acceleration", "projected_gravity"},
    "geometry_msgs/msg/Twist": {"linear", "angular", "planar"},
    "geometry_msgs/msg/TwistStamped": {"linear", "angular", "planar"},
    "geometry_msgs/msg/WrenchStamped": {"force", "torque"},
    "nav_msgs/msg/Odometry": {"linear", "angular"},
    "trajectory_msgs/msg/JointTrajectory": {"first_positions"},
}
FIXED_FIELDS: dict[str, tuple[list[str], str]] = {
    "pose": (["m"] * 3 + ["1"] * 4, "xyzxyzw"),
    "pose.position": (["m"] * 3, "xyz"),
    "orientation": (["1"] * 4, "xyzw"),
    "angular_velocity": (["rad/s"] * 3, "xyz"),
    "linear_acceleration": (["m/s^2"] * 3, "xyz"),
    "projected_gravity": (["1"] * 3, "xyz"),
    "linear": (["m/s"] * 3, "xyz"),
    "angular": (["rad/s"] * 3, "xyz"),
    "planar": (["m/s", "m/s", "rad/s"], "xyz"),
    "force": (["N"] * 3, "xyz"),
    "torque": (["N*m"] * 3, "xyz"),
}
"""Field of a message that is a vector in space -> units of its elements, and what each axis label must end in."""
FRAMED = {"geometry_msgs/msg/PoseStamped", "geometry_msgs/msg/WrenchStamped"}
"""Messages whose value means nothing without the frame that it is in."""
UNFRAMED = {
    "sensor_msgs/msg/JointState": "joint space has none",
    "trajectory_msgs/msg/JointTrajectory": "joint space has none",
    "std_msgs/msg/Float64MultiArray": "the message has no header to compare it with",
    "geometry_msgs/msg/Twist": "the message has no header to compare it with",
}
_SLACK = 1e-9


def _repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def check_names(manifest: Manifest) -> Iterator[str]:
    """Feature and term names are unique; the files listed are of known kinds and complete."""
    cameras = [image.name for image in manifest.images]
    for name in _repeated([*(feature.name for feature in manifest.observations), *cameras]):
        yield f"observation feature '{name}' appears twice"
    for name in _repeated([*(term.name for term in manifest.terms), *cameras]):
        yield f"observation term '{name}' appears twice"
    for name in _repeated([term.name for term in manifest.actions.terms]):
        yield f"action term '{name}' appears twice"
    for name in manifest.files:
        suffix = name[name.rfind(".") :] if "." in name else ""
        if name in (MANIFEST_NAME, SIGNATURE_NAME) or not name[0].isalnum() or suffix not in MAX_FILE_BYTES:
            yield f"files lists '{name}'; allowed are plain names ending in {', '.join(MAX_FILE_BYTES)}"
    for name in REQUIRED_FILES:
        if name not in manifest.files:
            yield f"files lacks '{name}'"


def check_observation_units(manifest: Manifest) -> Iterator[str]:
    """Message type, field, axes, unit and frame of each observation term belong together."""
    for term in manifest.terms:
        where = f"observation term '{term.name}'"
        if term.field not in MESSAGE_FIELDS[term.message_type]:
            yield f"{where}: {term.message_type} has no field '{term.field}'"
        elif term.message_type == "sensor_msgs/msg/JointState":
            yield from (
                f"{where}: joint '{axis}' has unit '{unit}', but the field is '{term.field}'"
                for axis, unit in zip(term.axes, term.unit, strict=True)
                if unit not in JOINT_UNITS[term.field]
            )
        elif term.own_action and list(term.axes) != manifest.actions.joints:
            yield f"{where}: the previous action has other joints than the actions, or another order"
        elif term.field in FIXED_FIELDS:
            yield from _check_vector(term, where)
        if term.frame_id and term.message_type in UNFRAMED:
            yield f"{where}: frame_id '{term.frame_id}' would never be checked: {UNFRAMED[term.message_type]}"
        for axis, value, low, high in zip(term.axes, term.fallback or [], term.minimum, term.maximum, strict=False):
            if not low <= value <= high:
                yield f"{where}: fallback {value} of '{axis}' is outside [{low}, {high}]"


def _check_vector(term: ObservationTerm, where: str) -> Iterator[str]:
    units, letters = FIXED_FIELDS[term.field]
    if list(term.unit) != units:
        yield f"{where}: '{term.field}' has units {units}, found {list(term.unit)}"
    if not term.frame_id and term.message_type in FRAMED:
        yield f"{where}: a {term.message_type.rpartition('/')[2]} needs a frame_id"
    if len(term.axes) == len(units):
        order = "order x y z, quaternion x y z w" if "w" in letters else "order x y z"
        for axis, letter in zip(term.axes, letters, strict=True):
            if not axis.endswith(letter):
                yield f"{where}: axis '{axis}' stands where '{letter}' belongs ({order})"


def check_actions(manifest: Manifest) -> Iterator[str]:
    """Units fit the mode, gains are not negative, the default pose lies inside the limits."""
    for term in manifest.actions.terms:
        where = f"action term '{term.name}'"
        for index, joint in enumerate(term.joints):
            if term.unit[index] not in ACTION_UNITS[term.mode]:
                yield f"{where}: joint '{joint}' has unit '{term.unit[index]}', but the mode is '{term.mode}'"
            if term.stiffness[index] < 0 or term.damping[index] < 0:
                yield f"{where}: joint '{joint}' has a negative gain"
            offset, low, high = term.offset[index], term.minimum[index], term.maximum[index]
            # Zero means "the graph writes absolute targets" and need not be a pose the joint can take.
            if term.mode == "position" and offset != 0.0 and not low <= offset <= high:
                yield f"{where}: default pose {offset} of joint '{joint}' is outside its limits [{low}, {high}]"
        if term.scale == 0.0:
            yield f"{where}: scale is zero"


def check_joints(manifest: Manifest) -> Iterator[str]:
    """Position commands are for observed joints, in the observed unit, within the observed range."""
    observed = {
        axis: (term, index)
        for term in manifest.terms
        if term.message_type == "sensor_msgs/msg/JointState" and term.field == "position"
        for index, axis in enumerate(term.axes)
    }
    for action in manifest.actions.terms:
        if action.mode not in ("position", "delta_position"):
            continue
        for index, joint in enumerate(action.joints):
            if joint in observed:
                yield from _check_joint(action, index, *observed[joint])
            elif observed or action.mode == "delta_position":
                yield f"action term '{action.name}': joint '{joint}' is commanded but its position is not observed"


def _check_joint(action: ActionTerm, index: int, term: ObservationTerm, position: int) -> Iterator[str]:
    joint = action.joints[index]
    where = f"action term '{action.name}': joint '{joint}'"
    if action.unit[index] != term.unit[position]:
        yield f"{where} is commanded in '{action.unit[index]}' but observed in '{term.unit[position]}'"
    low, high = term.minimum[position], term.maximum[position]
    outside = action.minimum[index] < low - _SLACK or action.maximum[index] > high + _SLACK
    if action.mode == "position" and outside:
        limits = f"[{action.minimum[index]}, {action.maximum[index]}]"
        yield f"{where} may be commanded to {limits}, outside its observed range [{low}, {high}]"


def check_timing(manifest: Manifest) -> Iterator[str]:
    """The chunk is no finer than the control loop, and outlives the time it takes to make the next one."""
    actions, timing = manifest.actions, manifest.timing
    period = 1.0 / timing.control_rate_hz
    if actions.step_s < period * (1 - 1e-6):
        yield f"actions.step_s {actions.step_s} is shorter than the control period {period:g}: samples would be skipped"
    late = timing.observation_delay_s + timing.inference_budget_s
    if late >= actions.horizon * actions.step_s:
        span = actions.horizon * actions.step_s
        yield f"timing: observation delay plus inference budget ({late:g} s) outlast the whole chunk ({span:g} s)"
    elif timing.chunking.replan != "on_remaining" and actions.execution_horizon > steps_to_execute(actions, late):
        # on_remaining begins early enough by itself.
        yield (
            f"actions: execution_horizon {actions.execution_horizon} of {actions.horizon} steps leaves no time for the "
            f"next chunk, which may take {late:g} s; at most {steps_to_execute(actions, late)} steps do"
        )
    ages = {term.name: term.max_age_s for term in manifest.terms} | {i.name: i.max_age_s for i in manifest.images}
    for name, age in ages.items():
        if age <= timing.observation_delay_s:
            yield f"observation term '{name}': max_age_s is not above timing.observation_delay_s"


def steps_to_execute(actions: ActionSpec, late_s: float) -> int:
    """Largest execution horizon after which a chunk still lasts until one arrives that takes ``late_s`` to make."""
    return actions.horizon - math.ceil(late_s / actions.step_s - 1e-6)


def check_graph_roles(manifest: Manifest) -> Iterator[str]:
    """Graph inputs and outputs match features, horizon and action size, one by one."""
    actions, policy = manifest.actions, manifest.policy
    for name in _repeated([tensor.name for tensor in (*policy.inputs, *policy.outputs)]):
        yield f"policy: graph tensor '{name}' appears twice"
    for tensor in policy.inputs:
        if tensor.role not in ("observation", "image", "noise"):
            yield f"policy.inputs: '{tensor.name}' has the role '{tensor.role}' of an output"
    yield from _check_image_inputs(manifest)
    for tensor in policy.outputs:
        if tensor.role not in ("action", "embedding", "latent"):
            yield f"policy.outputs: '{tensor.name}' has the role '{tensor.role}' of an input"
    inputs = {tensor.name: tensor for tensor in policy.inputs if tensor.role == "observation"}
    for feature in manifest.observations:
        found = inputs.pop(feature.name, None)
        if found is None:
            yield f"policy.inputs: no input of role observation is named '{feature.name}'"
        else:
            yield from _check_shape(found, [feature.history, feature.size], "history and size of its feature")
    for name in inputs:
        yield f"policy.inputs: '{name}' is no observation feature"
    chunk = [actions.horizon, len(actions.joints)]
    yield from _check_role(policy.inputs, "noise", None, required=False)
    yield from _check_role(policy.outputs, "action", chunk, required=True)
    yield from _check_role(policy.outputs, "embedding", None, required=False)
    yield from _check_role(policy.outputs, "latent", None, required=False)


def _check_image_inputs(manifest: Manifest) -> Iterator[str]:
    """Each camera is one uint8 input of its size and history, and nothing else is uint8."""
    tensors = [*manifest.policy.inputs, *manifest.policy.outputs]
    for variant in manifest.policy.variants:
        tensors += [*variant.inputs, *variant.outputs]
    for tensor in tensors:
        wanted = "uint8" if tensor.role == "image" else "float32"
        if tensor.dtype != wanted:
            yield f"policy: '{tensor.name}' of role {tensor.role} has dtype {tensor.dtype}, expected {wanted}"
    inputs = {tensor.name: tensor for tensor in manifest.policy.inputs if tensor.role == "image"}
    for image in manifest.images:
        found = inputs.pop(image.name, None)
        if found is None:
            yield f"policy.inputs: no input of role image is named '{image.name}'"
        else:
            yield from _check_shape(found, [image.history, *image.shape], "history, height, width, channels")
    for name in inputs:
        yield f"policy.inputs: '{name}' is none of the images"


def _check_role(tensors: list[GraphTensor], role: str, shape: list[int] | None, *, required: bool) -> Iterator[str]:
    found = [tensor for tensor in tensors if tensor.role == role]
    if len(found) > 1 or (required and not found):
        yield f"policy: {len(found)} tensors have the role {role}, expected {'one' if required else 'at most one'}"
    for tensor in found:
        if shape is not None:
            yield from _check_shape(tensor, shape, "horizon and number of joints")
        elif role == "noise" and len(tensor.shape) != 2:
            # Rows are free: a sampler may start before the present, and a stochastic one draws at every step.
            yield f"policy: '{tensor.name}' of role noise has shape {tensor.shape}, expected (rows, channels)"
        elif role != "noise" and len(tensor.shape) != 1:
            yield f"policy: '{tensor.name}' of role {role} has shape {tensor.shape}, expected one dimension"


def _check_shape(tensor: GraphTensor, shape: list[int], meaning: str) -> Iterator[str]:
    if list(tensor.shape) != shape:
        yield f"policy: '{tensor.name}' has shape {tensor.shape}, expected {shape} ({meaning})"


def check_parity(manifest: Manifest) -> Iterator[str]:
    """Every output has a recorded error, within the recorded tolerance."""
    outputs = {tensor.name for tensor in manifest.policy.outputs}
    if set(manifest.parity.max_abs_error) != outputs:
        yield f"parity.max_abs_error names {sorted(manifest.parity.max_abs_error)}, the outputs are {sorted(outputs)}"
    for name, error in manifest.parity.max_abs_error.items():
        if not error <= manifest.parity.tolerance:
            yield f"parity: error {error} of '{name}' exceeds the tolerance {manifest.parity.tolerance}"
    reduced = manifest.policy.reduced
    if reduced is not None and set(reduced.max_abs_error) != outputs:
        yield f"policy.reduced: errors of {sorted(reduced.max_abs_error)}, the outputs are {sorted(outputs)}"
    if reduced is not None and reduced.precision == "int8" and not reduced.calibration_samples:
        yield "policy.reduced: int8 without calibration samples"


def check_success(manifest: Manifest) -> Iterator[str]:
    """A recorded success rate is one, and lies in its interval."""
    record, reduced = manifest.provenance.success, manifest.policy.reduced
    if reduced is not None and max(reduced.successes, reduced.source_successes) > reduced.episodes:
        yield f"policy.reduced: more successes than its {reduced.episodes} episodes"
    if record is None:
        return
    if record.successes > record.episodes:
        yield f"provenance.success: {record.successes} successes in {record.episodes} episodes"
    elif not record.interval_low - _SLACK <= record.successes / record.episodes <= record.interval_high + _SLACK:
        yield "provenance.success: the rate lies outside its interval"


CHECKS: tuple[Callable[[Manifest], Iterator[str]], ...] = (
    check_names,
    check_observation_units,
    check_actions,
    check_joints,
    check_timing,
    check_graph_roles,
    check_parity,
    check_success,
    check_variants,
    check_step_graph,
    check_reactive,
    check_execution,
)


def problems(manifest: Manifest) -> list[str]:
    """All contradictions in a manifest, in the order of ``CHECKS``; empty when there are none."""
    return [sentence for check in CHECKS for sentence in check(manifest)]
