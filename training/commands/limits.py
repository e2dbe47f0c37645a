"""Write the joint limits of a safety.yaml from a robot description: URDF (xacro expanded) or MJCF.

Position, velocity and effort come from the model, acceleration and jerk from MoveIt's joint_limits.yaml when given,
else they are assumed from --ramp and named in the file. MJCF has no velocity limits: give them with --moveit or
--velocity. With --tip the section `filter` is written too: the chain to that link (body), a capsule around the
collision shapes of every link, the pairs that can touch, and with --workspace the box for the link's origin.

Examples:
    keel limits panda.urdf --output limits.yaml
    keel limits panda.urdf --moveit joint_limits.yaml --joints panda_joint1 panda_joint2
    keel limits scene.xml --velocity 2.0
    keel limits scene.xml --velocity 2.0 --tip hand --workspace -0.2 -0.6 0.05 0.8 0.6 1.1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from tyro.conf import Positional

from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import JointLimit, SafetyConfig
from policy_nodes.safety.filter.config import FilterConfig
from policy_nodes.safety.model_geometry import filter_section
from policy_nodes.safety.model_limits import ModelLimit, joint_limits, urdf_limits, with_moveit
from policy_nodes.safety.urdf_geometry import urdf_links
from training.atomic import write_file

if TYPE_CHECKING:
    import mujoco


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
    tip: str | None = None
    """Link (URDF) or body (MJCF) that carries the tool: also write the geometry of section `filter`."""
    margin: float = 0.01
    """Distance that pairs of links keep, m."""
    workspace: tuple[float, float, float, float, float, float] | None = None
    """Lowest x, y, z and highest x, y, z of the tool in the frame of the chain's base, m; needs --tip."""
    output: Path | None = None
    """File to write; standard output otherwise."""


def run(args: Args) -> int:
    """Write the limits; returns the exit code.

    Raises:
        ConfigError: a file cannot be read, a limit is missing, or a number is not above 0.
    """
    for name, value in (("velocity", args.velocity), ("ramp", args.ramp)):
        if value is not None and not 0.0 < value < float("inf"):
            raise ConfigError(f"--{name} is {value}.", "give a number above 0.")
    limits = read_model(args.model)
    if args.moveit is not None:
        limits = with_moveit(limits, _yaml(args.moveit))
    if args.velocity is not None:
        limits = {n: replace(each, velocity=each.velocity or args.velocity) for n, each in limits.items()}
    joints, assumed = joint_limits(limits, args.joints or tuple(limits), args.ramp)
    section, unknown = geometry(args, joints)
    made = SafetyConfig(joints=joints, filter=section)
    content = made.model_dump(mode="json", exclude_none=True, exclude_defaults=True, include={"joints", "filter"})
    notes = "".join(f"# assumed from --ramp {args.ramp:g}: {item}\n" for item in assumed)
    notes += "".join(f"# link {name} has a shape that was not read: describe it by hand\n" for name in unknown)
    text = f"# joint limits of {args.model.name}, SI units, in command order\n{notes}" + yaml.safe_dump(
        content, sort_keys=False
    )
    if args.output is None:
        print(text, end="")
    else:
        write_file(args.output, text)
        print(f"{len(joints)} joints, {len(assumed)} values assumed: {args.output}")
    return 0


def geometry(args: Args, joints: Sequence[JointLimit]) -> tuple[FilterConfig | None, list[str]]:
    """The section `filter` for --tip, and the links whose shapes could not be read.

    Raises:
        ConfigError: --workspace without --tip, or the chain to --tip cannot be used.
    """
    if args.tip is None:
        if args.workspace is not None:
            raise ConfigError("--workspace needs the tool's link.", "add --tip LINK.")
        return None, []
    text, unknown = _read(args.model), list[str]()
    if _is_mjcf(text):
        from training.mjcf_geometry import mjcf_links

        links = mjcf_links(_compiled(args.model), args.tip)
    else:
        links, unknown = urdf_links(text, args.tip)
    section = filter_section(links, joints, args.margin)
    if args.workspace is not None:
        box = {"link": links[-1].chain.name, "minimum": args.workspace[:3], "maximum": args.workspace[3:]}
        section = FilterConfig.model_validate(section.model_dump() | {"workspace": box})
    return section, unknown


def read_model(path: Path) -> dict[str, ModelLimit]:
    """Limits of a URDF, or of an MJCF as MuJoCo compiles it (defaults, angles and includes resolved).

    Raises:
        ConfigError: the file cannot be read or is neither.
    """
    text = _read(path)
    return _mjcf_limits(path) if _is_mjcf(text) else urdf_limits(text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}.", "name a URDF or MJCF file.") from error


def _is_mjcf(text: str) -> bool:
    return "<mujoco" in text and "<robot" not in text


def _compiled(path: Path) -> mujoco.MjModel:
    import mujoco

    try:
        return mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise ConfigError(f"{path}: {error}.", "give an MJCF that MuJoCo compiles, beside its meshes.") from error


def _mjcf_limits(path: Path) -> dict[str, ModelLimit]:
    import mujoco

    model = _compiled(path)
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
