"""Contracts of the multimodal toys: a point robot with two position-controlled axes and an observed goal."""

from __future__ import annotations

from policy_nodes.bundle.manifest import ObservationFeature, ObservationTerm, Timing
from training.contracts.planar import PlanarPosition, axis_actions, axis_limits, axis_position, axis_safety
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
    return TaskContract(
        name=f"toys/{variant}",
        robot="planar_point",
        instruction=toy.instruction,
        observations=[
            ObservationFeature(name=name, terms=terms, history=HISTORY, history_step_s=CONTROL_DT)
            for name, terms in features.items()
        ],
        actions=axis_actions("axes", AXES, -SIZE, SIZE, CONTROL_DT),
        timing=Timing(control_rate_hz=1.0 / CONTROL_DT, inference_budget_s=0.04),
        relative=[True, True],
        safety=axis_safety(axis_limits(AXES, -SIZE, SIZE, 2.0 * SPEED, CONTROL_DT), MAX_AGE_S, MARGIN),
        make_encoder=PlanarEncoder,
        make_position=PlanarPosition,
        simulator="",
        make_world=lambda: PlanarWorld(variant),
        make_expert=PlanarExpert,
        achieved={"goal_position": "axis_position"},
        episode_s=EPISODE_S,
        demonstration_s=EPISODE_S,
    )
