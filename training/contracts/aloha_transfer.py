"""Contract of the ALOHA two-arm transfer: 14 joint positions and the pose of the cube in, 14 joint targets out.

Joint names carry the side; the command is one ``forward_command_controller`` over both arms. The barrier filter knows
one chain, so the safety layer of this task keeps the limits of every joint and leaves the space between the arms alone.
"""

from __future__ import annotations

from functools import cache

from torch import Tensor, nn

from policy_nodes.bundle.manifest import ActionSpec, ActionTerm, ObservationTerm
from policy_nodes.safety.config import JointLimit, SafetyConfig
from sim.robots import aloha
from sim.robots.kinematics import kinematic_chain
from sim.tasks.aloha_transfer.config import TransferConfig
from sim.tasks.aloha_transfer.expert import TransferExpert
from sim.tasks.aloha_transfer.scene import transfer_model
from sim.tasks.aloha_transfer.world import TransferWorld
from training.contracts import panda_cell as cell
from training.contracts.task import TaskContract
from training.policies.bimanual_encoder import BimanualEncoder
from training.policies.kinematics import ForwardKinematics

TABLE_BOUNDS = ((-0.8, 0.8), (-0.6, 0.6), (-0.2, 0.8))
"""Where the cube can plausibly be (m): x, y, z in the frame ``world``."""
MARGIN = 0.02
"""How far outside its command limits a measured joint is still plausible (rad or m)."""


class ToolsPosition(nn.Module):
    """Midpoint of both tools over a chunk of joint targets: (N, H, 14) -> (N, H, 3) in m, frame ``world``.

    The failure predictor compares chunks by one point; a deviation of either arm moves this one by half of it.
    """

    def __init__(self, arms: list[ForwardKinematics]) -> None:
        super().__init__()
        self.arms = nn.ModuleList(arms)

    def forward(self, chunk: Tensor) -> Tensor:
        """Forward kinematics of both arms."""
        first, second = (
            arm(chunk[..., row : row + aloha.ARM])[0] for arm, row in zip(self.arms, _first_rows(), strict=True)
        )
        middle: Tensor = 0.5 * (first + second)
        return middle


@cache
def _arms() -> tuple[ForwardKinematics, ...]:
    model = transfer_model(TransferConfig())
    return tuple(
        ForwardKinematics.from_chain(kinematic_chain(model, aloha.TOOL_SITES[side], "world")) for side in aloha.SIDES
    )


def _first_rows() -> list[int]:
    return [side * aloha.PER_SIDE for side in range(len(aloha.SIDES))]


def _encoder() -> BimanualEncoder:
    return BimanualEncoder(list(_arms()), _first_rows(), len(aloha.JOINT_NAMES), cell.HISTORY)


def _joints() -> ObservationTerm:
    return ObservationTerm(
        name="joint_position",
        topic="/joint_states",
        message_type="sensor_msgs/msg/JointState",
        field="position",
        axes=list(aloha.JOINT_NAMES),
        unit=["m" if name.endswith("gripper") else "rad" for name in aloha.JOINT_NAMES],
        minimum=[float(v) - MARGIN for v in aloha.POSITION_LIMITS[:, 0]],
        maximum=[float(v) + MARGIN for v in aloha.POSITION_LIMITS[:, 1]],
        max_age_s=cell.JOINT_STATE_MAX_AGE_S,
    )


def _cube() -> ObservationTerm:
    low, high = zip(*TABLE_BOUNDS, strict=True)
    return cell.pose_term("cube").model_copy(
        update={
            "frame_id": aloha.FRAME,
            "minimum": [*low, *[-1.001] * 4],
            "maximum": [*high, *[1.001] * 4],
        }
    )


def _actions() -> ActionSpec:
    gains = aloha.actuator_gains(transfer_model(TransferConfig()))

    def term(name: str, first: int, size: int, unit: str) -> ActionTerm:
        rows = slice(first, first + size)
        return ActionTerm(
            name=name,
            joints=list(aloha.JOINT_NAMES[rows]),
            mode="position",
            unit=[unit] * size,
            offset=[0.0] * size,
            stiffness=gains.stiffness[rows].tolist(),
            damping=gains.damping[rows].tolist(),
            minimum=aloha.POSITION_LIMITS[rows, 0].tolist(),
            maximum=aloha.POSITION_LIMITS[rows, 1].tolist(),
        )

    terms = []
    for side, first in zip(aloha.SIDES, _first_rows(), strict=True):
        terms += [
            term(f"{side}_arm", first, aloha.ARM, "rad"),
            term(f"{side}_gripper", first + aloha.ARM, 1, "m"),
        ]
    return ActionSpec(
        terms=terms,
        command_topic="/forward_position_controller/commands",
        command_type="std_msgs/msg/Float64MultiArray",
        horizon=16,
        execution_horizon=8,
        step_s=1.0 / cell.CONTROL_RATE_HZ,
    )


def _safety() -> SafetyConfig:
    rows = zip(
        aloha.JOINT_NAMES, aloha.POSITION_LIMITS, aloha.VELOCITY_LIMITS, aloha.ACCELERATION_LIMITS, aloha.JERK_LIMITS,
        strict=True,
    )  # fmt: skip
    return SafetyConfig(
        joints=[
            JointLimit(
                name=name,
                position_min=float(position[0]),
                position_max=float(position[1]),
                velocity=float(velocity),
                acceleration=float(acceleration),
                jerk=float(jerk),
            )
            for name, position, velocity, acceleration, jerk in rows
        ],
        joint_state_timeout_s=cell.JOINT_STATE_MAX_AGE_S,
        # The soft wrist servos lag 0.17 s behind their command.
        max_tracking_error=0.5,
    )


def make() -> TaskContract:
    """Build the contract."""
    return TaskContract(
        name="aloha_transfer",
        robot="aloha",
        instruction="Pick up the cube with the right arm and hand it to the left arm.",
        observations=[
            cell.feature(BimanualEncoder.STATE, _joints()),
            cell.feature(BimanualEncoder.ENVIRONMENT, _cube()),
        ],
        actions=_actions(),
        timing=cell.timing(),
        relative=[not name.endswith("gripper") for name in aloha.JOINT_NAMES],
        safety=_safety(),
        make_encoder=_encoder,
        make_position=lambda: ToolsPosition(list(_arms())),
        simulator="sim.tasks.aloha_transfer.simulated_robot:SimulatedAloha",
        make_world=TransferWorld,
        make_expert=TransferExpert,
        episode_s=12.0,
        demonstration_s=12.0,
        settle_s=1.0,
    )
