"""What a task supplies to :class:`sim.vector.VectorEnv`: vectorised functions of a :class:`Context`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.vector.context import Context

__all__ = ["BatchedTask", "TaskDefaults"]


class BatchedTask(Protocol):
    """A batch of identical tasks. Inherit :class:`TaskDefaults` for the optional parts.

    Attributes:
        cfg: the task's configuration (a dataclass), recorded by trainers.
        model: the compiled nominal model.
        decimation: physics steps per control step.
        max_episode_length: control steps until truncation; 0 never truncates.
        action_low, action_high: (A,) bounds published as the action space; actions are not clipped by the environment.
        observation_groups: width of each observation group, e.g. ``{"policy": 48}``.
        data_fields: names of ``MjData`` arrays wanted in ``Context.fields``. Non-empty selects the slower engine
            that keeps one ``MjData`` per world.
        external_forces: allocate ``Context.xfrc``.
        substep_controls: call ``controls`` before every physics step instead of once per control step (torque laws
            with state feedback); costs a pool call per substep.
    """

    cfg: Any
    model: mujoco.MjModel
    decimation: int
    max_episode_length: int
    action_low: NDArray[np.float32]
    action_high: NDArray[np.float32]
    observation_groups: dict[str, int]
    data_fields: tuple[str, ...]
    external_forces: bool
    substep_controls: bool

    def models(self, num_worlds: int, rng: np.random.Generator) -> Sequence[mujoco.MjModel] | None:
        """One model per world (randomised parameters), or None to share ``model``."""

    def memory(self, num_worlds: int) -> dict[str, NDArray[Any]]:
        """The task's own buffers, first axis ``num_worlds``, kept in ``Context.memory`` between steps."""

    def reset(self, context: Context, ids: NDArray[np.int64]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Initial ``qpos`` (k, nq), ``qvel`` (k, nv) for worlds ``ids``; also re-initialises ``memory[...][ids]``."""

    def controls(self, context: Context) -> NDArray[np.floating]:
        """Actuator inputs (N, nu) or (N, decimation, nu) from ``context.actions`` (N, A)."""

    def update(self, context: Context) -> None:
        """Brings ``memory`` up to date after the physics, before terminations (contacts, air time)."""

    def terminations(self, context: Context) -> NDArray[np.bool_]:
        """(N,) True where the episode failed or succeeded; time limits are the environment's business."""

    def rewards(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Weighted reward terms (N,) by name; the reward is their sum."""

    def events(self, context: Context) -> NDArray[np.int64] | None:
        """After resets, before observations: resample commands, push (edit ``qvel``). Returns ids of edited states."""

    def observations(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """(K, width) per group. Must work for any number of rows K: it is also called on subsets."""

    def log(self, context: Context) -> dict[str, float]:
        """More figures for ``extras["log"]`` when episodes end; ``context`` holds the ended worlds, before reset."""


class TaskDefaults:
    """Does nothing where a task needs nothing."""

    data_fields: tuple[str, ...] = ()
    external_forces: bool = False
    substep_controls: bool = False

    def models(self, num_worlds: int, rng: np.random.Generator) -> Sequence[mujoco.MjModel] | None:
        """All worlds share one model."""
        return None

    def memory(self, num_worlds: int) -> dict[str, NDArray[Any]]:
        """No buffers."""
        return {}

    def update(self, context: Context) -> None:
        """Nothing to keep."""

    def events(self, context: Context) -> NDArray[np.int64] | None:
        """No events."""
        return None

    def log(self, context: Context) -> dict[str, float]:
        """Nothing more to log."""
        return {}
