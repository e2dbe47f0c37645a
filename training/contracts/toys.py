"""Contracts of the multimodal toys: a point robot with two position-controlled axes and an observed goal."""

from __future__ import annotations

from policy_nodes.bundle.manifest import ActionSpec, ActionTerm, ObservationFeature, ObservationTerm, Timing
from policy_nodes.safety.config import SafetyConfig
from training.contracts.planar import PlanarPosition, axis_limits, axis_position
from training.contracts.task import TaskContract
from training.suites.toys.encoder import PlanarEncoder
from training.suites.toys.expert import PlanarExpert
from training.suites.toys.layouts import layout
from training.suites.toys.world import AXES, CONTROL_DT, SIZE, SPEED, PlanarWorld

HISTORY = 2
EPISODE_S = 6.0
"""Twice what a demonstration takes."""
MARGIN = 0.05
MAX_AGE_S = 0.15
"""Three control periods."""


def make(variant: str) -> TaskContract:
    """Contract of ``toys/VARIANT``.

    Raises:
        SuiteError: no such toy.
    """
    toy, low, high = layout(variant), -SIZE - MARGIN, SIZE + MARGIN
    goal = ObservationTerm(
        name="goal_position",
        topic="/objects/goal/pose",
        message_type="geometry_msgs/msg/PoseStamped",
        field="pose.position",
        axes=["x", "y", "z"],
        unit=["m"] * 3,
        frame_id="plane",
        minimum=[low] * 3,
        maximum=[high] * 3,
        max_age_s=MAX_AGE_S,
    )
    features = {
        PlanarEncoder.STATE: [axis_position(AXES, low, high, MAX_AGE_S)],
        PlanarEncoder.ENVIRONMENT: [goal],
    }
    action = ActionTerm(
        name="axes",
        joints=list(AXES),
        mode="position",
        unit=["m"] * 2,
        offset=[0.0] * 2,
        stiffness=[0.0] * 2,
        damping=[0.0] * 2,
        minimum=[-SIZE] * 2,
        maximum=[SIZE] * 2,
    )
    return TaskContract(
        name=f"toys/{variant}",
        robot="planar_point",
        instruction=toy.instruction,
        observations=[
            ObservationFeature(name=name, terms=terms, history=HISTORY, history_step_s=CONTROL_DT)
            for name, terms in features.items()
        ],
        actions=ActionSpec(
            terms=[action],
            command_topic="/forward_position_controller/commands",
            command_type="std_msgs/msg/Float64MultiArray",
            horizon=16,
            execution_horizon=8,
            step_s=CONTROL_DT,
        ),
        timing=Timing(control_rate_hz=1.0 / CONTROL_DT, inference_budget_s=0.04),
        relative=[True, True],
        safety=SafetyConfig(
            joints=axis_limits(AXES, -SIZE, SIZE, 2.0 * SPEED, CONTROL_DT),
            joint_state_timeout_s=MAX_AGE_S,
            position_tolerance=MARGIN,
            joint_jump_slack=0.1,
            max_command_distance=4.0 * SIZE,
            max_tracking_error=4.0 * SIZE,
            limit_jerk_in_motion=False,
        ),
        make_encoder=PlanarEncoder,
        make_position=PlanarPosition,
        simulator="",
        make_world=lambda: PlanarWorld(variant),
        make_expert=PlanarExpert,
        episode_s=EPISODE_S,
        demonstration_s=EPISODE_S,
    )
