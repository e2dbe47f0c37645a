"""A task's world behind a robot's topics: what ``sim_node`` steps in real time, found by name.

    keel run examples/metaworld_pick_place.keel --sim --simulator training.suites.live:metaworld_pick_place_v3

The name after the colon is that of a task with ``/`` and ``-`` written ``_``. Sets of several tasks are refused: their
task identity is a topic that the operator publishes, not the simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.contracts.registry import task_contract
from training.suites.errors import SuiteError
from training.suites.interface import TaskWorld


class SuiteRobot:
    """A world that runs on for ever; a new episode puts robot and objects back to a seeded start.

    Attributes:
        joint_names: names on ``/joint_states``.
        frame_id: frame of the object poses.
        episode_time: simulated time since the episode began (s).
        walking: nothing walks here.

    Args:
        task: contract name.
        seed: of the first episode.

    Raises:
        SuiteError: a set of several tasks.
    """

    walking: None = None

    def __init__(self, task: str, seed: int = 0) -> None:
        contract = task_contract(task)
        if len(contract.variants) > 1:
            raise SuiteError(f"'{task}' is a set of {len(contract.variants)} tasks.", "run one of them.")
        self._world: TaskWorld = contract.make_world()
        frames = [term.frame_id for feature in contract.observations for term in feature.terms if term.frame_id]
        self.frame_id = frames[0] if frames else ""
        self.joint_names = self._world.joint_names
        self.new_episode(seed)

    def new_episode(self, seed: int | None = None) -> None:
        """Back to a seeded start."""
        self._world.reset(seed)
        self.episode_time = self._behind = 0.0

    def advance(self, command: ArrayLike, seconds: float) -> None:
        """Step the world as often as its control period fits into the time that has passed."""
        self.episode_time += seconds
        self._behind += seconds
        while self._behind >= self._world.control_dt - 1e-9:
            self._world.step(np.asarray(command, dtype=np.float64))
            self._behind -= self._world.control_dt

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position, velocity and effort, each (n,)."""
        return self._world.joint_state()

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Poses (7,) by object name: xyz (m) and quat_xyzw."""
        return self._world.object_poses()

    def wrenches(self) -> dict[str, NDArray[np.float64]]:
        """Force [N] and torque [N m] (6,) by topic; none where nothing is felt."""
        felt: dict[str, NDArray[np.float64]] = getattr(self._world, "wrenches", dict)()
        return felt

    def displace_object(self) -> str:
        """Third-party tasks cannot be disturbed; says so."""
        return "this task has no displacement"

    def restore_object(self) -> str:
        """Nothing was displaced; says so."""
        return "this task has no displacement"

    def success(self) -> bool:
        """The task is done."""
        return self._world.success()

    def failed(self) -> bool:
        """The task can no longer be done."""
        return self._world.failed()


def __getattr__(name: str) -> Callable[..., SuiteRobot]:
    """Factory of the task with this name."""
    family, _, variant = name.partition("_")
    if name.startswith("__") or not ((family in ("metaworld", "toys") and variant) or name in ("pusht", "wiping")):
        raise AttributeError(f"module {__name__} has no task '{name}'")
    return partial(SuiteRobot, f"{family}/{variant.replace('_', '-')}" if variant else family)
