"""Contract of the Panda lift task: the signals of pick-and-place, the goal in the air."""

from __future__ import annotations

from sim.tasks.lift.expert import LiftExpert
from sim.tasks.lift.world import LiftWorld
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.scene import build_model
from training.contracts import panda_cell as cell
from training.contracts.panda_pick_place import push_object, tabletop_encoder
from training.contracts.panda_safety import panda_safety
from training.contracts.task import TaskContract
from training.policies.encoders import TabletopEncoder


def make() -> TaskContract:
    """Build the contract."""
    return TaskContract(
        name="panda_lift",
        robot=cell.ROBOT,
        instruction="Pick up the cube and hold it at the goal.",
        observations=[
            cell.joint_feature(),
            cell.feature(TabletopEncoder.ENVIRONMENT, cell.pose_term("cube"), cell.pose_term("goal")),
        ],
        actions=cell.actions(build_model(PickPlaceConfig())),
        timing=cell.timing(),
        relative=cell.RELATIVE,
        safety=panda_safety(cell.JOINT_STATE_MAX_AGE_S),
        make_encoder=tabletop_encoder,
        make_position=cell.tool_position,
        simulator="sim.tasks.lift.simulated_robot:SimulatedLift",
        make_world=LiftWorld,
        make_expert=LiftExpert,
        episode_s=10.0,
        demonstration_s=10.0,
        settle_s=1.0,
        disturb=push_object,
    )
