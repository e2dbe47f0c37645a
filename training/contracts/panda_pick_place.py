"""Contract of the Panda pick-and-place task.

Topics, joint names and the command interface are those of a Franka arm under ros2_control (joint_state_broadcaster and
a forward_command_controller on position interfaces); object poses come from any tracker that publishes PoseStamped in
the robot's base frame.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from torch import Tensor, nn

from policy_nodes.bundle.manifest import ActionSpec, ActionTerm, ObservationFeature, ObservationTerm, Timing
from sim.robots import panda
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.expert import PickPlaceExpert
from sim.tasks.pick_place.scene import build_model
from sim.tasks.pick_place.world import PickPlaceWorld
from training.contracts.panda_safety import panda_safety
from training.contracts.task import TaskContract
from training.policies.encoders import TabletopEncoder
from training.policies.kinematics import ForwardKinematics

CONTROL_RATE_HZ = 50.0
HISTORY = 2
ARM_JOINTS = len(panda.ARM_JOINT_NAMES)
JOINT_STATE_MAX_AGE_S = 0.1
"""Ten periods of a 100 Hz driver; industrial practice is five to twenty cycles."""
POSE_AXES = ("x", "y", "z", "qx", "qy", "qz", "qw")
TABLE_BOUNDS = ((0.0, 1.0), (-0.8, 0.8), (-0.2, 0.8))
"""Where an object of this cell can plausibly be (m): x, y, z in the base frame. Beyond it a pose is a tracker fault."""


class ToolPosition(nn.Module):
    """Tool positions of a chunk of joint targets: (N, H, A) -> (N, H, 3) in m, base frame."""

    def __init__(self, kinematics: ForwardKinematics) -> None:
        super().__init__()
        self.kinematics = kinematics

    def forward(self, chunk: Tensor) -> Tensor:
        """Forward kinematics of the arm joints; the gripper does not move the tool point."""
        position: Tensor = self.kinematics(chunk[..., : self.kinematics.joints])[0]
        return position


@cache
def _kinematics() -> ForwardKinematics:
    return ForwardKinematics.from_chain(panda.kinematic_chain(panda.kinematics_model()))


def _pose_term(name: str) -> ObservationTerm:
    (x_low, x_high), (y_low, y_high), (z_low, z_high) = TABLE_BOUNDS
    return ObservationTerm(
        name=f"{name}_pose",
        topic=f"/objects/{name}/pose",
        message_type="geometry_msgs/msg/PoseStamped",
        field="pose",
        axes=list(POSE_AXES),
        unit=["m"] * 3 + ["1"] * 4,
        frame_id=panda.BASE_BODY,
        minimum=[x_low, y_low, z_low] + [-1.001] * 4,
        maximum=[x_high, y_high, z_high] + [1.001] * 4,
        max_age_s=0.15,
    )


def _observations() -> list[ObservationFeature]:
    limits = panda.POSITION_LIMITS
    joints = ObservationTerm(
        name="joint_position",
        topic="/joint_states",
        message_type="sensor_msgs/msg/JointState",
        field="position",
        axes=list(panda.JOINT_NAMES),
        unit=["rad"] * ARM_JOINTS + ["m"],
        minimum=[float(v) for v in limits[:, 0] - 0.02],
        maximum=[float(v) for v in limits[:, 1] + 0.02],
        max_age_s=JOINT_STATE_MAX_AGE_S,
    )
    step = 1.0 / CONTROL_RATE_HZ
    return [
        ObservationFeature(name=TabletopEncoder.STATE, terms=[joints], history=HISTORY, history_step_s=step),
        ObservationFeature(
            name=TabletopEncoder.ENVIRONMENT,
            terms=[_pose_term("cube"), _pose_term("goal")],
            history=HISTORY,
            history_step_s=step,
        ),
    ]


def _actions() -> ActionSpec:
    gains = panda.actuator_gains(build_model(PickPlaceConfig()))
    limits = panda.POSITION_LIMITS

    def term(name: str, first: int, last: int, unit: str) -> ActionTerm:
        rows = slice(first, last)
        return ActionTerm.model_validate(
            {
                "name": name,
                "joints": list(panda.JOINT_NAMES[rows]),
                "mode": "position",
                "unit": [unit] * (last - first),
                "offset": [0.0] * (last - first),
                "stiffness": gains.stiffness[rows].tolist(),
                "damping": gains.damping[rows].tolist(),
                "minimum": limits[rows, 0].tolist(),
                "maximum": limits[rows, 1].tolist(),
            }
        )

    return ActionSpec(
        terms=[term("arm", 0, ARM_JOINTS, "rad"), term("gripper", ARM_JOINTS, ARM_JOINTS + 1, "m")],
        command_topic="/forward_position_controller/commands",
        command_type="std_msgs/msg/Float64MultiArray",
        horizon=16,
        execution_horizon=8,
        step_s=1.0 / CONTROL_RATE_HZ,
    )


def _push_cube(world: PickPlaceWorld, rng: np.random.Generator) -> None:
    """Push the cube aside, if it has not been lifted yet."""
    if world.object_poses()["cube"][2] < world.config.cube.half_size + 0.005:
        world.push_cube(rng.uniform(-0.3, 0.3, size=2))


def make() -> TaskContract:
    """Build the contract."""
    return TaskContract(
        name="panda_pick_place",
        robot="franka_emika_panda",
        instruction="Pick up the cube and place it on the goal.",
        observations=_observations(),
        actions=_actions(),
        timing=Timing(control_rate_hz=CONTROL_RATE_HZ, inference_budget_s=0.08),
        relative=[True] * ARM_JOINTS + [False],
        safety=panda_safety(JOINT_STATE_MAX_AGE_S),
        make_encoder=lambda: TabletopEncoder(_kinematics(), joints=len(panda.JOINT_NAMES), history=HISTORY, symmetry=4),
        make_position=lambda: ToolPosition(_kinematics()),
        simulator="sim.tasks.pick_place.simulated_robot:SimulatedPanda",
        make_world=PickPlaceWorld,
        make_expert=PickPlaceExpert,
        disturb=_push_cube,
    )
