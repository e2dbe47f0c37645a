"""MetaWorld as a simulated robot: the hand's position and the gripper are four commanded axes.

MetaWorld's action is a displacement of the mocap body that the hand is welded to, at most 1 cm per axis and control
period (80 Hz), and a gripper effort in [-1, 1]. Here a command is the *position* to which that body moves, which the
environment turns into its own displacement, clipped as it clips it: the same motions, but with limits in metres that a
safety layer can check. The gripper's effort is expressed as a finger target, because MetaWorld's fingers are position
servos that are asked for more than they can reach.

Environments, rewards and success criteria are the package's own (metaworld 3.0, goal observable); nothing is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.suites.errors import SuiteError

AXES = ("hand_x", "hand_y", "hand_z", "gripper")
"""Commanded axes: position of the hand in the base frame (m) and target of each finger (m, larger closes)."""
CONTROL_DT = 0.0125
REACH = 0.01
"""Displacement of the hand's target per control period at full action (m), per axis."""
GRIPPER_RANGE = 0.05
"""Finger target (m) that stands for MetaWorld's full gripper effort."""
TASK_ID_TOPIC = "/task/id"
OBJECTS = {"object_1": slice(4, 7), "object_2": slice(11, 14), "goal": slice(36, 39)}
"""Where MetaWorld's observation (39,) holds positions; an absent object stands at the origin."""


class MetaWorldWorld:
    """One or more MetaWorld tasks; the seed of an episode chooses the task (``seed % n``) and its placement.

    Attributes:
        joint_names: the commanded axes.
        names: the tasks.
        name: the task of the present episode.
        control_dt: period of ``step`` (s).
        observation: MetaWorld's own observation (39,), goal visible.
        environment: the MetaWorld environment of the present episode.

    Raises:
        SuiteError: metaworld is not installed.
    """

    joint_names: tuple[str, ...] = AXES
    control_dt = CONTROL_DT
    camera = "corner2"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._environments: dict[str, Any] = {}
        self.observation: NDArray[np.float64] = np.zeros(39)
        self._success = False
        self.reset(0)

    @property
    def model(self) -> Any:
        """MuJoCo model of the present episode."""
        return self.environment.model

    @property
    def data(self) -> Any:
        """MuJoCo state of the present episode."""
        return self.environment.data

    def reset(self, seed: int | None = None) -> None:
        """Start an episode; without a seed, the task and placement of seed 0."""
        seed = seed or 0
        self.name = self.names[seed % len(self.names)]
        if self.name not in self._environments:
            self._environments[self.name] = _build(self.name)
        self.environment = self._environments[self.name]
        self.environment.seed(seed)
        observation, _ = self.environment.reset()
        self.observation = np.asarray(observation, dtype=np.float64)
        self._previous = self.hand_position()
        self._success = False

    def step(self, command: ArrayLike) -> None:
        """Advance one control period under position targets (4,) in m.

        Raises:
            SuiteError: wrong shape or not finite.
        """
        target = np.asarray(command, dtype=np.float64)
        if target.shape != (len(AXES),) or not np.isfinite(target).all():
            raise SuiteError(f"the command {target} is not four finite numbers.", f"send {', '.join(AXES)} in m.")
        displacement = (target[:3] - self.hand_target()) / REACH
        action = np.clip(np.append(displacement, target[3] / GRIPPER_RANGE), -1.0, 1.0).astype(np.float32)
        self._previous = self.hand_position()
        self.environment.curr_path_length = 0  # the time limit is the caller's
        observation, _, _, _, info = self.environment.step(action)
        self.observation = np.asarray(observation, dtype=np.float64)
        self._success = bool(info["success"] > 0.0)

    def hand_position(self) -> NDArray[np.float64]:
        """Position (3,) of the hand (m, base frame)."""
        return self.observation[:3].copy()

    def hand_target(self) -> NDArray[np.float64]:
        """Position (3,) of the body that the hand is welded to, which it follows with a lag (m)."""
        target: NDArray[np.float64] = self.data.mocap_pos[0].copy()
        return target

    def joint_state(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Position (m), velocity (m/s) and effort (zeros: not measured), each (4,)."""
        fingers = [self.data.joint(name) for name in ("r_close", "l_close")]
        closed = 0.5 * float(fingers[0].qpos[0] - fingers[1].qpos[0])
        closing = 0.5 * float(fingers[0].qvel[0] - fingers[1].qvel[0])
        hand = self.hand_position()
        velocity = np.append((hand - self._previous) / self.control_dt, closing)
        return np.append(hand, closed), velocity, np.zeros(len(AXES))

    def object_poses(self) -> dict[str, NDArray[np.float64]]:
        """Poses (7,), xyz (m) and quat_xyzw, of both objects and the goal.

        Orientations are the identity: MetaWorld's own mix two conventions and none of its experts reads them.
        """
        upright = (0.0, 0.0, 0.0, 1.0)
        return {name: np.append(self.observation[where], upright) for name, where in OBJECTS.items()}

    def vectors(self) -> dict[str, NDArray[np.float64]]:
        """Task identity as a one-hot vector over ``names``."""
        return {TASK_ID_TOPIC: np.eye(len(self.names))[self.names.index(self.name)]}

    def success(self) -> bool:
        """MetaWorld's own criterion, as of the last step."""
        return self._success

    def failed(self) -> bool:
        """Never: MetaWorld has no irrecoverable state of its own."""
        return False


def _build(name: str) -> Any:
    """The package's environment with visible goal, placed by its own seeded generator."""
    try:
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE
    except ImportError as error:
        raise SuiteError(f"metaworld cannot be imported: {error}.", "pip install 'keel[bench]'.") from error
    environment = ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE[f"{name}-goal-observable"](seed=0)
    environment._freeze_rand_vec = False
    environment.seeded_rand_vec = True
    return environment
