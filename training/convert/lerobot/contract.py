"""What a LeRobot checkpoint does not say: topics, joint names, units, ranges, rate, limits. Read from one YAML file.

The file uses the manifest's own words (docs/bundle.md); history, horizon and execution horizon come from the
checkpoint. ``template`` writes one with every value that can be derived and ``null`` for what only the user knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from policy_nodes.bundle.load import readable
from policy_nodes.bundle.manifest import (
    ActionSpec,
    ActionTerm,
    ImageFeature,
    Name,
    ObservationFeature,
    ObservationTerm,
    Strict,
    Text,
    Timing,
    Topic,
)
from policy_nodes.bundle.semantics import steps_to_execute
from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import SafetyConfig
from training.convert.lerobot.checkpoint import LeRobotCheckpoint
from training.convert.lerobot.deployed import Shape


class RobotActions(Strict):
    """Commanded joints, in the order of the policy's action vector."""

    command_topic: Topic
    terms: Annotated[list[ActionTerm], Field(min_length=1, max_length=64)]


class RobotCamera(Strict):
    """Where one camera is read. Size, encoding (RGB) and history come from the checkpoint."""

    topic: Topic
    max_age_s: Annotated[float, Field(gt=0, le=60)]
    frame_id: Text | None = None


class RobotContract(Strict):
    """The file. ``observations`` has the terms of each of the checkpoint's features, in the feature's order; ``images``
    has its cameras.
    """

    robot: Name
    task: Text
    control_rate_hz: Annotated[float, Field(gt=0, le=10_000)]
    inference_budget_s: Annotated[float, Field(gt=0, le=10)]
    observations: dict[Name, Annotated[list[ObservationTerm], Field(min_length=1, max_length=64)]]
    images: dict[Name, RobotCamera] = Field(default_factory=dict)
    actions: RobotActions
    safety: SafetyConfig


def read_contract(path: Path, checkpoint: LeRobotCheckpoint) -> RobotContract:
    """Read and compare with the checkpoint.

    Raises:
        ConfigError: unreadable, incomplete, or features, sizes or joints differ from the checkpoint's.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        contract = RobotContract.model_validate(raw)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read '{path}': {error}.", "write one with --template FILE.") from None
    except ValidationError as error:
        raise ConfigError(
            f"'{path}': {'; '.join(readable(error)[:5])}.", "fill in or correct the named values."
        ) from None
    wanted = {feature.name: feature.shape[0] for feature in checkpoint.inputs if feature.kind != "VISUAL"}
    cameras = [feature.name for feature in checkpoint.inputs if feature.kind == "VISUAL"]
    for section, found, needed in (
        ("observations", contract.observations, wanted),
        ("images", contract.images, cameras),
    ):
        if set(found) != set(needed):
            raise ConfigError(
                f"'{path}' describes {sorted(found)} under {section}, the policy observes {sorted(needed)}.",
                "describe exactly the policy's features.",
            )
    for name, terms in contract.observations.items():
        count = sum(term.size for term in terms)
        if count != wanted[name]:
            raise ConfigError(
                f"the terms of '{name}' have {count} elements, the policy wants {wanted[name]}.",
                "list the joints or axes in the order of the training data.",
            )
    joints = [joint for term in contract.actions.terms for joint in term.joints]
    if len(joints) != checkpoint.action.shape[0]:
        raise ConfigError(
            f"the contract commands {len(joints)} joints, the policy writes {checkpoint.action.shape[0]}.",
            "list the joints in the order of the training data.",
        )
    if contract.safety.names != joints:
        raise ConfigError(
            f"safety limits {contract.safety.names}, the actions are {joints}.", "limit the same joints in that order."
        )
    return contract


def manifest_parts(
    contract: RobotContract, checkpoint: LeRobotCheckpoint, shape: Shape
) -> tuple[list[ObservationFeature], list[ImageFeature], ActionSpec, Timing]:
    """Observations, cameras, actions and timing of the manifest."""
    step = 1.0 / contract.control_rate_hz
    timing = Timing(control_rate_hz=contract.control_rate_hz, inference_budget_s=contract.inference_budget_s)
    observations = [
        ObservationFeature(
            name=feature.name, terms=contract.observations[feature.name], history=shape.history, history_step_s=step
        )
        for feature in checkpoint.inputs
        if feature.kind != "VISUAL"
    ]
    images = [
        ImageFeature(
            name=feature.name,
            height=feature.shape[1],
            width=feature.shape[2],
            history=shape.history,
            history_step_s=step,
            **contract.images[feature.name].model_dump(),
        )
        for feature in checkpoint.inputs
        if feature.kind == "VISUAL"
    ]
    actions = ActionSpec(
        terms=contract.actions.terms,
        command_topic=contract.actions.command_topic,
        command_type="std_msgs/msg/Float64MultiArray",
        horizon=shape.horizon,
        execution_horizon=shape.execution_horizon,
        step_s=step,
    )
    # LeRobot stands still while it thinks, a robot under this contract goes on: the chunk must last until the next one.
    latest = steps_to_execute(actions, contract.inference_budget_s)
    actions = actions.model_copy(update={"execution_horizon": max(1, min(shape.execution_horizon, latest))})
    return observations, images, actions, timing


def template(checkpoint: LeRobotCheckpoint) -> str:
    """YAML text of a contract for this checkpoint; ``null`` stands where only the user knows the value."""
    count = checkpoint.action.shape[0]
    joints = [f"joint{index + 1}" for index in range(count)]
    observations: dict[str, Any] = {}
    images = {
        feature.name: {"topic": f"/{feature.name.rpartition('.')[2]}/image_raw", "max_age_s": 0.2}
        for feature in checkpoint.inputs
        if feature.kind == "VISUAL"
    }
    for feature in checkpoint.inputs:
        if feature.kind == "VISUAL":
            continue
        size = feature.shape[0]
        arm = feature.kind == "STATE" and size == count
        axes = joints if arm else [f"value{index + 1}" for index in range(size)]
        low, high = _range(checkpoint, feature.name, size)
        observations[feature.name] = [
            {
                "name": "joint_positions" if arm else feature.name.rpartition(".")[2],
                "topic": "/joint_states" if arm else f"/{feature.name.rpartition('.')[2]}",
                "message_type": "sensor_msgs/msg/JointState" if arm else "std_msgs/msg/Float64MultiArray",
                "field": "position" if arm else "data",
                "axes": axes,
                "unit": ["rad" if arm else "1"] * size,
                "minimum": low,
                "maximum": high,
                "max_age_s": 0.1,
            }
        ]
    action = {"name": "joint_targets", "joints": joints, "mode": "position", "unit": ["rad"] * count}
    gains = {"offset": [0.0] * count} | {key: [None] * count for key in ("stiffness", "damping", "minimum", "maximum")}
    limit = {"position_min": None, "position_max": None, "velocity": None, "acceleration": None, "jerk": None}
    content = {
        "robot": None,
        "task": None,
        "control_rate_hz": None,
        "inference_budget_s": None,
        "observations": observations,
        **({"images": images} if images else {}),
        "actions": {"command_topic": "/forward_position_controller/commands", "terms": [action | gains]},
        "safety": {"joints": [{"name": joint} | limit for joint in joints]},
    }
    head = (
        f"# Contract of the LeRobot {checkpoint.family} policy in '{checkpoint.directory.name}'. Replace every null,\n"
        "# and check names, order and units against the training data. control_rate_hz is the dataset's fps. A term's\n"
        "# value reaches the policy as (raw - offset) * scale: scale 57.29578 turns rad into the degrees it was\n"
        "# trained on; an action term's scale 0.0174533 turns them back.\n"
    )
    if images:
        sizes = {tuple(f.shape[1:]) for f in checkpoint.inputs if f.kind == "VISUAL"}
        listed = ", ".join(f"{width}x{height}" for height, width in sorted(sizes))
        head += f"# Cameras must publish {listed} as in training; they are neither resized nor cropped for you.\n"
    return head + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=110)


def _range(checkpoint: LeRobotCheckpoint, name: str, size: int) -> tuple[list[float | None], list[float | None]]:
    """The range seen in training widened by half its width, where the statistics tell it."""
    map_ = checkpoint.normalize[name]
    if map_.mode == "IDENTITY" or map_.mode == "MEAN_STD":
        return [None] * size, [None] * size
    low, width = map_.shift, map_.factor
    spread = [(float(a - b / 2), float(a + 1.5 * b)) for a, b in zip(low, width, strict=True)]
    return [round(a, 4) for a, _ in spread], [round(b, 4) for _, b in spread]
