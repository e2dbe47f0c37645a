"""One world behind the Gymnasium interface; a task says which world, which limits and which entries.

Observation: a dictionary of float64 arrays; action: the joint position targets that the world takes. The reward is
sparse: 1 in each step in which the task is done, else 0; ``info["success"]`` says the same, and an episode ends then,
when the task can no longer be done, or after the registered time limit of 15 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sim.rendering import Renderer

Observation = dict[str, NDArray[np.float64]]


class TabletopEnv(gymnasium.Env[Observation, NDArray[np.float64]]):
    """A world of one task.

    Observation: ``joint_position`` and ``joint_velocity`` (A,), then the entries of ``robot_sizes`` and ``task_sizes``;
    poses are xyz [m] and quat_xyzw in the frame of the task.

    Args:
        render_mode: ``"rgb_array"`` or None.
        config: of the task, a dataclass; None for the defaults.
        render_size: width and height of frames [pixels].

    Attributes:
        make_world: takes the configuration (or None) and returns the world, e.g. ``PickPlaceWorld``.
        limits: (A, 2) lower and upper joint targets [rad, m].
        robot_sizes: entries of ``_robot_observation`` and their lengths; task_sizes: those of ``_task_observation``.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012, the name and type are Gymnasium's

    make_world: ClassVar[Callable[[Any], Any]]
    limits: ClassVar[NDArray[np.float64]]
    robot_sizes: ClassVar[dict[str, int]] = {}
    task_sizes: ClassVar[dict[str, int]] = {}

    def __init__(
        self, render_mode: str | None = None, config: Any = None, render_size: tuple[int, int] = (640, 480)
    ) -> None:
        self.render_mode = render_mode
        self.world: Any = type(self).make_world(config)
        self._render_size = render_size
        self._renderer: Renderer | None = None
        low, high = self.limits.T.copy()
        self.action_space = spaces.Box(low, high, dtype=np.float64)
        joints = {"joint_position": len(low), "joint_velocity": len(low)}
        self.observation_space = spaces.Dict(
            {
                name: spaces.Box(-np.inf, np.inf, (size,), dtype=np.float64)
                for name, size in (joints | self.robot_sizes | self.task_sizes).items()
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode; the option ``{"keep_robot": True}`` leaves the robot where it is."""
        super().reset(seed=seed)
        world_seed = int(self.np_random.integers(2**31))
        if (options or {}).get("keep_robot", False):
            self.world.new_episode(world_seed)
        else:
            self.world.reset(world_seed)
        return self._observation(), {"success": False}

    def step(self, action: NDArray[np.float64]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Advances one control period of 20 ms.

        Raises:
            CommandError: the action is not one finite number per joint.
            UnstableSimulationError: the physics diverged.
        """
        self.world.step(action)
        success = self.world.success()
        terminated = success or self.world.failed()
        return self._observation(), float(success), terminated, False, {"success": success}

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """Picture (H, W, 3) from the overview camera, or None without a render mode."""
        if self.render_mode is None:
            return None
        if self._renderer is None:
            self._renderer = Renderer(self.world.model, *self._render_size)
        return self._renderer.frame(self.world.data)

    def close(self) -> None:
        """Frees the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _observation(self) -> Observation:
        position, velocity, _ = self.world.joint_state()
        joints = {"joint_position": position, "joint_velocity": velocity}
        return joints | self._robot_observation() | self._task_observation()

    def _robot_observation(self) -> Observation:
        """The entries named in ``robot_sizes``."""
        return {}

    def _task_observation(self) -> Observation:
        """The entries named in ``task_sizes``: poses of objects, cut to their lengths."""
        poses = self.world.object_poses()
        return {name: poses[name][:size] for name, size in self.task_sizes.items() if name in poses}
