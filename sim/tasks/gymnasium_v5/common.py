"""Parts that the v5 tasks share: models from the Gymnasium package, noisy initial states, model-derived sizes."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.vector.context import Context
from sim.vector.task import TaskDefaults

__all__ = ["GymnasiumTask", "control_cost", "uniform_start"]


class GymnasiumTask(TaskDefaults):
    """Model, action bounds and sizes, read from one of Gymnasium's XML files.

    Args:
        xml_file: file name inside ``gymnasium/envs/mujoco/assets``.
        decimation: physics steps per control step (Gymnasium's ``frame_skip``).
        max_episode_length: control steps until truncation.
    """

    def __init__(self, xml_file: str, decimation: int, max_episode_length: int) -> None:
        path = files("gymnasium.envs.mujoco") / "assets" / xml_file
        self.model = mujoco.MjModel.from_xml_path(str(path))
        self.decimation = decimation
        self.max_episode_length = max_episode_length
        self.action_low, self.action_high = self.model.actuator_ctrlrange.T.astype(np.float32)

    def controls(self, context: Context) -> NDArray[np.floating]:
        """Actions are the actuator inputs."""
        return context.actions


def uniform_start(
    model: mujoco.MjModel, scale: float, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Initial qpos (count, nq) and qvel (count, nv), uniform within ``scale`` of the model's initial state."""
    qpos = model.qpos0 + rng.uniform(-scale, scale, (count, model.nq))
    return qpos, rng.uniform(-scale, scale, (count, model.nv))


def control_cost(weight: float, values: NDArray[Any]) -> NDArray[np.float64]:
    """weight * sum of squares over all but the first axis; (K, ...) -> (K,)."""
    flat = values.reshape(len(values), -1)
    return weight * np.einsum("ij,ij->i", flat, flat)
