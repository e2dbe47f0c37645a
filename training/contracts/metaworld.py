"""Contracts of the MetaWorld tasks: a hand that translates, a parallel gripper, tracked objects and a goal.

The interface is that of a Cartesian position controller: four axes on ``/joint_states`` and one command of four
positions. Objects and goal are PoseStamped in the base frame, of which only the position is used. Sets of several
tasks add the task identity, a one-hot Float64MultiArray that says which task is meant.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from policy_nodes.bundle.manifest import ActionSpec, ActionTerm, ObservationFeature, ObservationTerm, Timing
from policy_nodes.safety.config import JointLimit, SafetyConfig
from training.contracts.task import TaskContract
from training.suites.metaworld.catalogue import INSTRUCTIONS, members
from training.suites.metaworld.encoder import MetaWorldEncoder
from training.suites.metaworld.expert import MetaWorldExpert
from training.suites.metaworld.world import (
    AXES,
    CONTROL_DT,
    GRIPPER_RANGE,
    OBJECTS,
    REACH,
    TASK_ID_TOPIC,
    MetaWorldWorld,
)

CONTROL_RATE_HZ = 1.0 / CONTROL_DT
HISTORY = 2
EPISODE_S = 6.25
"""MetaWorld's own limit of 500 control periods."""
LOW: tuple[float, ...] = (-0.5, 0.35, -0.15, -GRIPPER_RANGE)
HIGH: tuple[float, ...] = (0.5, 1.0, 0.5, GRIPPER_RANGE)
"""Workspace of all fifty tasks (m, base frame) and range of the finger target."""
MARGIN = 0.1
"""How far outside the workspace a measurement is still plausible (m)."""
OBJECT_RANGE = 2.0
STIFFNESS = 400.0
"""Of the finger servos (N/m); the hand is a kinematic target without gains."""
MAX_AGE_S = 0.1


class HandPosition(nn.Module):
    """Positions of the hand in a chunk of commands: (N, H, 4) -> (N, H, 3) in m."""

    def forward(self, chunk: Tensor) -> Tensor:
        """The first three axes are the position."""
        return chunk[..., :3]


def _observations(names: tuple[str, ...]) -> list[ObservationFeature]:
    state = ObservationTerm(
        name="axis_position",
        topic="/joint_states",
        message_type="sensor_msgs/msg/JointState",
        field="position",
        axes=list(AXES),
        unit=["m"] * 4,
        minimum=[low - MARGIN for low in LOW],
        maximum=[high + MARGIN for high in HIGH],
        max_age_s=MAX_AGE_S,
    )
    objects = [
        ObservationTerm(
            name=f"{name}_position",
            topic=f"/objects/{name}/pose",
            message_type="geometry_msgs/msg/PoseStamped",
            field="pose.position",
            axes=["x", "y", "z"],
            unit=["m"] * 3,
            frame_id="base",
            minimum=[-OBJECT_RANGE] * 3,
            maximum=[OBJECT_RANGE] * 3,
            max_age_s=MAX_AGE_S,
        )
        for name in OBJECTS
    ]
    features = [
        ObservationFeature(name=MetaWorldEncoder.STATE, terms=[state], history=HISTORY, history_step_s=CONTROL_DT),
        ObservationFeature(
            name=MetaWorldEncoder.ENVIRONMENT, terms=objects, history=HISTORY, history_step_s=CONTROL_DT
        ),
    ]
    if len(names) > 1:
        features.append(_task_identity(names))
    return features


def _task_identity(names: tuple[str, ...]) -> ObservationFeature:
    size = len(names)
    term = ObservationTerm(
        name="task_id",
        topic=TASK_ID_TOPIC,
        message_type="std_msgs/msg/Float64MultiArray",
        field="data",
        axes=list(names),
        unit=["1"] * size,
        minimum=[-0.001] * size,
        maximum=[1.001] * size,
        max_age_s=1.0,
    )
    return ObservationFeature(name=MetaWorldEncoder.TASK, terms=[term], history=1, history_step_s=CONTROL_DT)


def _actions() -> ActionSpec:
    def term(name: str, rows: slice, stiffness: float) -> ActionTerm:
        joints = list(AXES[rows])
        size = len(joints)
        return ActionTerm(
            name=name,
            joints=joints,
            mode="position",
            unit=["m"] * size,
            offset=[0.0] * size,
            stiffness=[stiffness] * size,
            damping=[0.0] * size,
            minimum=[float(v) for v in LOW[rows]],
            maximum=[float(v) for v in HIGH[rows]],
        )

    return ActionSpec(
        terms=[term("hand", slice(0, 3), 0.0), term("gripper", slice(3, 4), STIFFNESS)],
        command_topic="/forward_position_controller/commands",
        command_type="std_msgs/msg/Float64MultiArray",
        horizon=16,
        execution_horizon=8,
        step_s=CONTROL_DT,
    )


def _safety() -> SafetyConfig:
    """What MetaWorld's own interface can do: the hand's target moves 1 cm per period and turns round within one.

    A real Cartesian controller would have far lower accelerations; these limits keep the workspace and the speed, and
    leave the motions of the benchmark as they are.
    """
    joints = []
    for name, low, high in zip(AXES, LOW, HIGH, strict=True):
        speed = 1.05 * (REACH if name != "gripper" else 2.0 * GRIPPER_RANGE) / CONTROL_DT
        acceleration = 2.0 * speed / CONTROL_DT
        joints.append(
            JointLimit(
                name=name,
                position_min=low,
                position_max=high,
                velocity=speed,
                acceleration=acceleration,
                jerk=2.0 * acceleration / CONTROL_DT,
            )
        )
    return SafetyConfig(
        joints=joints,
        joint_state_timeout_s=MAX_AGE_S,
        position_tolerance=MARGIN,
        joint_jump_slack=0.05,
        limit_jerk_in_motion=False,
    )


def make(variant: str) -> TaskContract:
    """Contract of ``metaworld/VARIANT``, a task such as ``reach-v3`` or a set such as ``mt10``.

    Raises:
        SuiteError: no such task or set.
    """
    names = members(variant)
    encoder: Callable[[], nn.Module] = lambda: MetaWorldEncoder(HISTORY, len(names) if len(names) > 1 else 0)  # noqa: E731
    return TaskContract(
        name=f"metaworld/{variant}",
        robot="sawyer_metaworld",
        instruction=INSTRUCTIONS[names[0]] if len(names) == 1 else f"Do what the task identity says ({variant}).",
        observations=_observations(names),
        actions=_actions(),
        timing=Timing(control_rate_hz=CONTROL_RATE_HZ, inference_budget_s=0.05),
        relative=[True, True, True, False],
        safety=_safety(),
        make_encoder=encoder,
        make_position=HandPosition,
        simulator="",
        make_world=lambda: MetaWorldWorld(names),
        make_expert=MetaWorldExpert,
        variants={name: INSTRUCTIONS[name] for name in names},
        episode_s=EPISODE_S,
        demonstration_s=EPISODE_S,
        settle_s=0.0,
    )
