"""Keel's simulation side: MuJoCo robots and tasks. Imports neither the trainer nor the robot runtime."""

from __future__ import annotations

PICK_PLACE_ENV = "keel/PandaPickPlace-v0"


def register() -> None:
    """Makes the environments known to Gymnasium; calling it again does nothing. Imports no MuJoCo yet."""
    import gymnasium

    if PICK_PLACE_ENV not in gymnasium.registry:
        gymnasium.register(
            PICK_PLACE_ENV, entry_point="sim.tasks.pick_place.env:PandaPickPlaceEnv", max_episode_steps=750
        )
