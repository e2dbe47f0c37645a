"""Write the joint limits of a safety.yaml from a robot description: URDF (xacro expanded) or MJCF.

Position, velocity and effort come from the model, acceleration and jerk from MoveIt's joint_limits.yaml when given,
else they are assumed from --ramp and named in the file. MJCF has no velocity limits: give them with --moveit or
--velocity.

Examples:
    keel limits panda.urdf --output limits.yaml
    keel limits panda.urdf --moveit joint_limits.yaml --joints panda_joint1 panda_joint2
    keel limits scene.xml --velocity 2.0
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from tyro.conf import Positional

from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.model_limits import ModelLimit, joint_limits, urdf_limits, with_moveit
from training.atomic import write_file


@dataclass(frozen=True)
class Args:
    """Options of `keel limits`."""

    model: Positional[Path]
    """URDF or MJCF file."""
    joints: tuple[str, ...] = ()
    """Joints in command order; all of the model in its order when empty."""
    moveit: Path | None = None
    """MoveIt's joint_limits.yaml."""
    velocity: float | None = None
    """Velocity limit (rad/s, m/s) of joints for which the model has none."""
    ramp: float = 0.2
    """Time to full speed (s) where no acceleration is known; full acceleration is reached in a tenth of it."""
    output: Path | None = None
    """File to write; standard output otherwise."""


def run(args: Args) -> int:
    """Write the limits; returns the exit code."""
    limits = read_model(args.model)
    if args.moveit is not None:
        limits = with_moveit(limits, _yaml(args.moveit))
    if args.velocity is not None:
        limits = {n: replace(each, velocity=each.velocity or args.velocity) for n, each in limits.items()}
    joints, assumed = joint_limits(limits, args.joints or tuple(limits), args.ramp)
    content = SafetyConfig(joints=joints).model_dump(mode="json", exclude_none=True, include={"joints"})
    notes = "".join(f"# assumed from --ramp {args.ramp:g}: {item}\n" for item in assumed)
    text = f"# joint limits of {args.model.name}, SI units, in command order\n{notes}" + yaml.safe_dump(
        content, sort_keys=False
    )
    if args.output is None:
        print(text, end="")
    else:
        write_file(args.output, text)
        print(f"{len(joints)} joints, {len(assumed)} values assumed: {args.output}")
    return 0


def read_model(path: Path) -> dict[str, ModelLimit]:
    """Limits of a URDF, or of an MJCF as MuJoCo compiles it (defaults, angles and includes resolved).

    Raises:
        ConfigError: the file cannot be read or is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}.", "name a URDF or MJCF file.") from error
    return _mjcf_limits(path) if "<mujoco" in text and "<robot" not in text else urdf_limits(text)


def _mjcf_limits(path: Path) -> dict[str, ModelLimit]:
    import mujoco

    try:
        model = mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise ConfigError(f"{path}: {error}.", "give an MJCF that MuJoCo compiles, beside its meshes.") from error
    movable = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
    found = {}
    for index in range(model.njnt):
        if int(model.jnt_type[index]) not in movable or not model.jnt_limited[index]:
            continue
        low, high = (float(value) for value in model.jnt_range[index])
        found[model.joint(index).name] = ModelLimit(low, high, effort=_effort(model, index))
    return found


def _effort(model: object, joint: int) -> float | None:
    """Largest effort of the joint: of its own force range, or of the actuator that drives it."""
    import mujoco

    assert isinstance(model, mujoco.MjModel)
    if model.jnt_actfrclimited[joint]:
        return float(model.jnt_actfrcrange[joint, 1])
    for actuator in range(model.nu):
        drives = int(model.actuator_trntype[actuator]) == int(mujoco.mjtTrn.mjTRN_JOINT)
        if drives and int(model.actuator_trnid[actuator, 0]) == joint and model.actuator_forcelimited[actuator]:
            return float(model.actuator_forcerange[actuator, 1] * abs(model.actuator_gear[actuator, 0]))
    return None


def _yaml(path: Path) -> dict[str, object]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}.", "name MoveIt's joint_limits.yaml.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is no mapping.", "name MoveIt's joint_limits.yaml.")
    return content
