"""Contract of the Panda insertion task: joint positions, poses of peg and socket, and the force on the gripper."""

from __future__ import annotations

from sim.robots import panda
from sim.tasks.insertion.config import InsertionConfig
from sim.tasks.insertion.expert import InsertionExpert
from sim.tasks.insertion.scene import PEG, SOCKET, insertion_model
from sim.tasks.insertion.world import InsertionWorld
from training.contracts import panda_cell as cell
from training.contracts.force import force_term
from training.contracts.panda_safety import panda_safety, posture_specifications
from training.contracts.task import TaskContract
from training.policies.insertion_encoder import InsertionEncoder

FORCE_RANGE_N = 500.0
"""Beyond it a reading is a fault of the sensor; episodes already end far below, at 60 N."""


def make() -> TaskContract:
    """Build the contract."""
    return TaskContract(
        name="panda_insertion",
        robot=cell.ROBOT,
        instruction="Insert the peg into the socket without pressing hard.",
        observations=[
            cell.joint_feature(),
            cell.feature(InsertionEncoder.ENVIRONMENT, cell.pose_term(PEG), cell.pose_term(SOCKET)),
            cell.feature(
                InsertionEncoder.FORCE,
                force_term("gripper_force", panda.BASE_BODY, FORCE_RANGE_N, cell.JOINT_STATE_MAX_AGE_S),
            ),
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
