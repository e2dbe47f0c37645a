"""The pick-and-place world as a Gymnasium environment, id ``keel/PandaPickPlace-v0``.

Observation: a dictionary of float64 arrays; action: the 8 joint position targets that the world takes. The reward is
sparse: 1 in each step in which the task is done, else 0; ``info["success"]`` says the same, and an episode ends then,
when the cube is lost, or after 15 s.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sim.rendering import Renderer
from sim.robots import panda
from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.world import PickPlaceWorld

Observation = dict[str, NDArray[np.float64]]


class PandaPickPlaceEnv(gymnasium.Env[Observation, NDArray[np.float64]]):
    """One world behind the Gymnasium interface.

    Observation: ``joint_position`` (8,) [rad, m], ``joint_velocity`` (8,), ``tool`` (7,), ``cube`` (7,), ``goal`` (3,);
    poses are xyz [m] and quat_xyzw in the base frame.

    Args:
        render_mode: ``"rgb_array"`` or None.
        config: the task.
        render_size: width and height of frames [pixels].
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012, the name and type are Gymnasium's

    def __init__(
        self,
        render_mode: str | None = None,
        config: PickPlaceConfig | None = None,
        render_size: tuple[int, int] = (640, 480),
    ) -> None:
        self.render_mode = render_mode
        self.world = PickPlaceWorld(config)
        self._render_size = render_size
        self._renderer: Renderer | None = None
        low, high = panda.POSITION_LIMITS[:, 0].copy(), panda.POSITION_LIMITS[:, 1].copy()
        self.action_space = spaces.Box(low, high, dtype=np.float64)
        sizes = {"joint_position": 8, "joint_velocity": 8, "tool": 7, "cube": 7, "goal": 3}
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
        poses = self.world.object_poses()
        return {
            "joint_position": position,
            "joint_velocity": velocity,
            "tool": self.world.tool_pose(),
            "cube": poses["cube"],
            "goal": poses["goal"][:3],
        }
