"""Contract of push-T: a pusher with two position-controlled axes, a tracked block and a goal outline."""

from __future__ import annotations

from policy_nodes.bundle.manifest import ObservationFeature, ObservationTerm, Timing
from training.contracts.planar import PlanarPosition, axis_actions, axis_limits, axis_position, axis_safety
from training.contracts.task import TaskContract
from training.suites.pusht.encoder import PushTEncoder
from training.suites.pusht.expert import PushTExpert
from training.suites.pusht.world import AXES, CONTROL_DT, SIZE, PushTWorld

HISTORY = 2
EXECUTION_HORIZON = 2
"""Steps of a chunk that are executed. The demonstrator looks at every period whether its push is over; one policy that
executed 8, 4 and 2 steps solved 15 of 100, 16 of 60 and 25 of 60 episodes."""
EPISODE_S = 30.0
"""300 control periods, as gym-pusht limits an episode."""
MARGIN = 0.05
MAX_AGE_S = 0.3
"""Three control periods."""
SPEED = 2.0
"""Of the pusher's target (m/s): two hundred millimetres per control period."""
STIFFNESS, DAMPING = 100.0, 20.0
"""gym-pusht's PD gains for a pusher of unit mass."""


def _pose(name: str) -> ObservationTerm:
    return ObservationTerm(
        name=f"{name}_pose",
        topic=f"/objects/{name}/pose",
        message_type="geometry_msgs/msg/PoseStamped",
        field="pose",
        axes=["x", "y", "z", "qx", "qy", "qz", "qw"],
        unit=["m"] * 3 + ["1"] * 4,
        frame_id="table",
        minimum=[-MARGIN] * 3 + [-1.001] * 4,
        maximum=[SIZE + MARGIN] * 3 + [1.001] * 4,
        max_age_s=MAX_AGE_S,
    )


def make() -> TaskContract:
    """Build the contract."""
    pusher = axis_position(AXES, -MARGIN, SIZE + MARGIN, MAX_AGE_S)
    features = {PushTEncoder.STATE: [pusher], PushTEncoder.ENVIRONMENT: [_pose("block"), _pose("goal")]}
    return TaskContract(
        name="pusht",
        robot="pusher",
        instruction="Push the T-shaped block onto its outline.",
        observations=[
            ObservationFeature(name=name, terms=terms, history=HISTORY, history_step_s=CONTROL_DT)
            for name, terms in features.items()
        ],
        actions=axis_actions(
            "pusher", AXES, 0.0, SIZE, CONTROL_DT, (STIFFNESS, DAMPING), execution_horizon=EXECUTION_HORIZON
        ),
        timing=Timing(control_rate_hz=1.0 / CONTROL_DT, inference_budget_s=0.1),
        relative=[True, True],
        safety=axis_safety(axis_limits(AXES, 0.0, SIZE, SPEED, CONTROL_DT), MAX_AGE_S, MARGIN),
        make_encoder=PushTEncoder,
        make_position=PlanarPosition,
        simulator="",
        make_world=PushTWorld,
        make_expert=PushTExpert,
        achieved={"goal_pose": "block_pose"},
        episode_s=EPISODE_S,
        demonstration_s=EPISODE_S,
        settle_s=0.0,
    )
