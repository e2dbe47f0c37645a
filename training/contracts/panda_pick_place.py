"""Contract of the Panda pick-and-place task."""

from __future__ import annotations

import numpy as np

from sim.robots import panda
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.expert import PickPlaceExpert
from sim.tasks.pick_place.scene import build_model
from sim.tasks.pick_place.world import PickPlaceWorld
from training.contracts import panda_cell as cell
from training.contracts.panda_safety import panda_safety
from training.contracts.task import TaskContract
from training.policies.encoders import TabletopEncoder


def push_object(world: PickPlaceWorld, rng: np.random.Generator) -> None:
    """Push the object aside, if it has not been lifted yet."""
    if world.object_poses()[world.object_name][2] < world.rest_height + 0.005:
        world.push_cube(rng.uniform(-0.3, 0.3, size=2))


def make() -> TaskContract:
    """Build the contract."""
    return TaskContract(
        name="panda_pick_place",
        robot=cell.ROBOT,
        instruction="Pick up the cube and place it on the goal.",
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
        simulator="sim.tasks.pick_place.simulated_robot:SimulatedPanda",
        make_world=PickPlaceWorld,
        make_expert=PickPlaceExpert,
        achieved={"goal_pose": "cube_pose"},
        disturb=push_object,
    )


def tabletop_encoder() -> TabletopEncoder:
    """Encoder of one object and one goal."""
    return TabletopEncoder(cell.kinematics(), joints=len(panda.JOINT_NAMES), history=cell.HISTORY, symmetry=4)
