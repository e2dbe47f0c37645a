"""Keel's simulation side: MuJoCo robots and tasks. Imports neither the trainer nor the robot runtime."""

from __future__ import annotations

from sim.tasks.table import BATCHED_TASKS

PICK_PLACE_ENV = "keel/PandaPickPlace-v0"
SINGLE_ENVS = {
    "keel/AlohaTransfer-v0": "sim.tasks.aloha_transfer.env:AlohaTransferEnv",
    PICK_PLACE_ENV: "sim.tasks.pick_place.env:PandaPickPlaceEnv",
    "keel/PandaInsertion-v0": "sim.tasks.insertion.env:PandaInsertionEnv",
    "keel/PandaLift-v0": "sim.tasks.lift.env:PandaLiftEnv",
}
"""Gymnasium id -> environment of one world; the batched tasks are in ``BATCHED_TASKS``."""


def register() -> None:
    """Makes the environments known to Gymnasium; calling it again does nothing. Imports no MuJoCo yet."""
    import gymnasium

    for name, entry_point in SINGLE_ENVS.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point=entry_point, max_episode_steps=750)
    for name in BATCHED_TASKS:
        if batched_id(name) not in gymnasium.registry:
            gymnasium.register(
                batched_id(name), vector_entry_point="sim.vector.gym_vector:make_gym_vector", kwargs={"name": name}
            )


def batched_id(name: str) -> str:
    """Gymnasium id of a batched task, for ``gymnasium.make_vec(id, num_envs=N)``."""
    return f"keel/{name}-v0"
