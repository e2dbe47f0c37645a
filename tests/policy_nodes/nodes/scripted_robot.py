"""A robot without physics: it is where it was told to be. Stands in for a simulator in tests of the nodes."""

from __future__ import annotations

import numpy as np

from tests.policy_nodes.bundle_fixture import HIGH, JOINTS, LOW

HOME = (np.array(LOW) + np.array(HIGH)) / 2
SUCCESS_AFTER_S = 0.8


class ScriptedRobot:
    """Follows its commands perfectly; an episode succeeds by itself after some time."""

    joint_names = tuple(JOINTS)
    frame_id = "panda_link0"
    walking = None

    def __init__(self, seed: int = 0) -> None:
        self.position = HOME.copy()
        self.velocity = np.zeros(8)
        self.cube = np.array([0.45, 0.0, 0.02, 0.0, 0.0, 0.0, 1.0])
        self.episode_time = 0.0

    def advance(self, command: np.ndarray, seconds: float) -> None:
        self.velocity = (command - self.position) / seconds
        self.position = np.array(command)
        self.episode_time += seconds

    def joint_state(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.position, self.velocity, np.zeros(8)

    def object_poses(self) -> dict[str, np.ndarray]:
        return {"cube": self.cube}

    def new_episode(self, seed: int | None = None) -> None:
        self.episode_time = 0.0
        self.cube[:2] = np.random.default_rng(seed).uniform([0.4, -0.1], [0.5, 0.1])

    def displace_object(self) -> str:
        self._home_y, self.cube[1] = float(self.cube[1]), 0.6
        return "cube moved to y 0.6 m"

    def restore_object(self) -> str:
        self.cube[1] = self._home_y
        return "cube put back"

    def success(self) -> bool:
        return self.episode_time > SUCCESS_AFTER_S

    def failed(self) -> bool:
        return False


class OtherRobot(ScriptedRobot):
    """The same arm of another maker."""

    joint_names = tuple(name.replace("panda", "fr3") for name in JOINTS)


def refuses(seed: int = 0) -> ScriptedRobot:
    """A simulator that cannot start."""
    error = RuntimeError("no graphics")
    error.cause, error.fix = "no graphics driver", "install one"  # type: ignore[attr-defined]
    raise error
