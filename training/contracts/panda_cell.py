"""What the tasks of the Panda's table share in their contracts.

Topics, joint names and the command interface are those of a Franka arm under ros2_control (joint_state_broadcaster and
a forward_command_controller on position interfaces); object poses come from any tracker that publishes PoseStamped in
the robot's base frame.
"""

from __future__ import annotations

from functools import cache

import mujoco
from torch import Tensor, nn

from policy_nodes.bundle.manifest import ActionSpec, ActionTerm, ObservationFeature, ObservationTerm, Timing
from sim.robots import panda
from training.policies.encoders import TabletopEncoder
from training.policies.kinematics import ForwardKinematics

ROBOT = "franka_emika_panda"
CONTROL_RATE_HZ = 50.0
HISTORY = 2
ARM_JOINTS = len(panda.ARM_JOINT_NAMES)
RELATIVE = [True] * ARM_JOINTS + [False]
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
def kinematics() -> ForwardKinematics:
    """Forward kinematics of the arm to its tool, built once."""
    return ForwardKinematics.from_chain(panda.kinematic_chain(panda.kinematics_model()))


def tool_position() -> ToolPosition:
    """For ``TaskContract.make_position``."""
    return ToolPosition(kinematics())


def timing() -> Timing:
    """50 Hz, and what inference may take."""
    return Timing(control_rate_hz=CONTROL_RATE_HZ, inference_budget_s=0.08)


def feature(name: str, *terms: ObservationTerm) -> ObservationFeature:
    """A feature with the cell's history."""
    return ObservationFeature(name=name, terms=list(terms), history=HISTORY, history_step_s=1.0 / CONTROL_RATE_HZ)


def joint_feature() -> ObservationFeature:
    """Measured joint positions, fingers last."""
    limits = panda.POSITION_LIMITS
    return feature(
        TabletopEncoder.STATE,
        ObservationTerm(
            name="joint_position",
            topic="/joint_states",
            message_type="sensor_msgs/msg/JointState",
            field="position",
            axes=list(panda.JOINT_NAMES),
            unit=["rad"] * ARM_JOINTS + ["m"],
            minimum=[float(v) for v in limits[:, 0] - 0.02],
            maximum=[float(v) for v in limits[:, 1] + 0.02],
            max_age_s=JOINT_STATE_MAX_AGE_S,
        ),
    )


def pose_term(name: str) -> ObservationTerm:
    """Tracked pose of the object ``name``."""
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


def actions(model: mujoco.MjModel) -> ActionSpec:
    """Joint position targets of arm and gripper, with the gains of a cell's model."""
    gains = panda.actuator_gains(model)
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
