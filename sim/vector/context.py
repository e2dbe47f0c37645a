"""What a task's functions see of the batch: plain arrays, one row per world."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

__all__ = ["Context"]

Array = NDArray[Any]
_SHARED = frozenset({"model", "models", "physics_dt", "step_dt", "rng", "common_step_counter", "max_episode_length"})


@dataclass
class Context:
    """The batch as task functions read it; K rows, where K is N or, for a subset, the number of selected worlds.

    ``qpos``, ``qvel``, ``act`` and ``xfrc`` of the whole batch are views of the physics state: editing them in
    ``events`` or ``reset`` changes the worlds.

    Attributes:
        model: the nominal model; ``models`` has one entry per world of the whole batch.
        ids: (K,) world numbers of the rows.
        qpos, qvel, act: (K, nq), (K, nv), (K, na) float64. A free joint's qpos is position, quat wxyz; its qvel is
            linear velocity in the world frame, then angular velocity in the BODY frame [m/s, rad/s].
        previous_qpos, previous_qvel: the same before this control step.
        time: (K,) [s] since the episode began.
        sensordata: (K, nsensordata) of the last substep (one substep old, see ``sim.vector.engine``).
        sensor_substeps: (K, decimation, nsensordata).
        fields: what ``BatchedTask.data_fields`` asked for, e.g. ``cfrc_ext`` (K, nbody, 6), from ``MjData``.
        previous_fields: the same before this control step.
        ctrl: (K, nu) the controls of the last step.
        xfrc: (K, nbody, 6) external forces and torques in the world frame [N, N m], or None.
        actions, previous_actions, previous_actions_2: (K, A) float32: now, one and two steps ago; 0 after a reset.
        episode_length: (K,) int64 control steps since the reset, this one included.
        terminated: (K,) bool, set before rewards are computed.
        memory: the task's own per-world arrays, first axis K (commands, air time, ...).
        rng: the environment's generator.
        derived: what a task has computed from the present state and may want again in this step, by name. The
            environment empties it whenever a state changes: after the physics, resets and edits by ``events``.
    """

    model: mujoco.MjModel
    models: list[mujoco.MjModel]
    physics_dt: float
    step_dt: float
    max_episode_length: int
    rng: np.random.Generator
    ids: Array
    qpos: Array
    qvel: Array
    act: Array
    previous_qpos: Array
    previous_qvel: Array
    time: Array
    sensordata: Array
    sensor_substeps: Array
    ctrl: Array
    xfrc: Array | None
    actions: Array
    previous_actions: Array
    previous_actions_2: Array
    episode_length: Array
    terminated: Array
    fields: dict[str, Array] = field(default_factory=dict)
    previous_fields: dict[str, Array] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    derived: dict[str, Any] = field(default_factory=dict)
    common_step_counter: int = 0

    def take(self, rows: Array) -> Context:
        """The same view of selected rows; arrays are copies, so writing to them changes no world."""
        changes: dict[str, Any] = {"derived": {}}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name in _SHARED or f.name in changes or value is None:
                continue
            if isinstance(value, dict):
                changes[f.name] = {key: array[rows] for key, array in value.items()}
            else:
                changes[f.name] = value[rows]
        return replace(self, **changes)
