"""Contract of the Panda insertion task: joint positions, poses of peg and socket, and the force on the gripper."""

from __future__ import annotations

from policy_nodes.bundle.manifest import ObservationTerm
from sim.robots import panda
from sim.tasks.insertion.config import InsertionConfig
from sim.tasks.insertion.expert import InsertionExpert
from sim.tasks.insertion.scene import PEG, SOCKET, insertion_model
from sim.tasks.insertion.world import FORCE_TOPIC, InsertionWorld
from training.contracts import panda_cell as cell
from training.contracts.panda_safety import panda_safety, posture_specifications
from training.contracts.task import TaskContract
from training.policies.insertion_encoder import InsertionEncoder

FORCE_RANGE_N = 500.0
"""Beyond it a reading is a fault of the sensor; episodes already end far below, at 60 N."""


def force_term() -> ObservationTerm:
    """Force on the gripper in the base frame."""
    return ObservationTerm(
        name="gripper_force",
        topic=FORCE_TOPIC,
        message_type="geometry_msgs/msg/WrenchStamped",
        field="force",
        axes=["x", "y", "z"],
        unit=["N"] * 3,
        frame_id=panda.BASE_BODY,
        minimum=[-FORCE_RANGE_N] * 3,
        maximum=[FORCE_RANGE_N] * 3,
        max_age_s=cell.JOINT_STATE_MAX_AGE_S,
    )


def make() -> TaskContract:
    """Build the contract."""
    return TaskContract(
        name="panda_insertion",
        robot=cell.ROBOT,
        instruction="Insert the peg into the socket without pressing hard.",
        observations=[
            cell.joint_feature(),
            cell.feature(InsertionEncoder.ENVIRONMENT, cell.pose_term(PEG), cell.pose_term(SOCKET)),
            cell.feature(InsertionEncoder.FORCE, force_term()),
        ],
        actions=cell.actions(insertion_model(InsertionConfig())),
        timing=cell.timing(),
        relative=cell.RELATIVE,
        safety=panda_safety(cell.JOINT_STATE_MAX_AGE_S, posture_specifications()),
        make_encoder=lambda: InsertionEncoder(cell.kinematics(), len(panda.JOINT_NAMES), cell.HISTORY),
        make_position=cell.tool_position,
        simulator="sim.tasks.insertion.simulated_robot:SimulatedInsertion",
        make_world=InsertionWorld,
        make_expert=InsertionExpert,
        episode_s=15.0,
        demonstration_s=15.0,
    )
