"""Worlds of the Panda's table as Gymnasium environments; here ``PandaPickPlace-v0``, beside the others their own.

Observation: a dictionary of float64 arrays; action: the 8 joint position targets that the world takes. The reward is
sparse: 1 in each step in which the task is done, else 0; ``info["success"]`` says the same, and an episode ends then,
when the task can no longer be done, or after 15 s.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sim.rendering import Renderer
from sim.robots import panda
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.world import PickPlaceWorld

Observation = dict[str, NDArray[np.float64]]


class PandaTableEnv(gymnasium.Env[Observation, NDArray[np.float64]]):
    """One world behind the Gymnasium interface.

    Observation: ``joint_position`` (8,) [rad, m], ``joint_velocity`` (8,), ``tool`` (7,), and what the task adds
    (class attribute ``task_sizes``); poses are xyz [m] and quat_xyzw in the base frame.

    Args:
        world: the task.
        render_mode: ``"rgb_array"`` or None.
        render_size: width and height of frames [pixels].
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012, the name and type are Gymnasium's

    task_sizes: ClassVar[dict[str, int]] = {}

    def __init__(
        self, world: PickPlaceWorld, render_mode: str | None = None, render_size: tuple[int, int] = (640, 480)
    ) -> None:
        self.render_mode = render_mode
        self.world = world
        self._render_size = render_size
        self._renderer: Renderer | None = None
        low, high = panda.POSITION_LIMITS[:, 0].copy(), panda.POSITION_LIMITS[:, 1].copy()
        self.action_space = spaces.Box(low, high, dtype=np.float64)
        sizes = {"joint_position": 8, "joint_velocity": 8, "tool": 7, **self.task_sizes}
        self.observation_space = spaces.Dict(
            {name: spaces.Box(-np.inf, np.inf, (size,), dtype=np.float64) for name, size in sizes.items()}
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
            CommandError: the action is not 8 finite numbers.
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
        parts = {"joint_position": position, "joint_velocity": velocity, "tool": self.world.tool_pose()}
        return parts | self._task_observation()

    def _task_observation(self) -> Observation:
        """The entries named in ``task_sizes``."""
        return {name: pose[: self.task_sizes[name]] for name, pose in self.world.object_poses().items()}


class PandaPickPlaceEnv(PandaTableEnv):
    """Adds ``cube`` (7,) and ``goal`` (3,); arguments as ``PandaTableEnv``, with the task's ``config``."""

    task_sizes: ClassVar[dict[str, int]] = {"cube": 7, "goal": 3}

    def __init__(
        self,
        render_mode: str | None = None,
        config: PickPlaceConfig | None = None,
        render_size: tuple[int, int] = (640, 480),
    ) -> None:
        super().__init__(PickPlaceWorld(config), render_mode, render_size)
