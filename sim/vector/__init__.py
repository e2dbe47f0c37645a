"""Batched simulation: N MuJoCo worlds stepped by a thread pool, with observations, rewards and resets vectorised.

Use::

    env = sim.vector.make("Go1-Velocity-Flat", num_envs=256, seed=0)
    obs, extras = env.reset()
    obs, reward, terminated, truncated, extras = env.step(actions)  # numpy float32, (N, ...)

Write a task: a class with the attributes and methods of :class:`BatchedTask` (inherit :class:`TaskDefaults` for the
optional ones), every method a function of a :class:`Context` whose arrays have one row per world. Register its factory:
``sim.vector.register("My-Task", "my_package.module:make_task")``. ``make(name, N, **overrides)`` passes the overrides
to the factory. The essentials:

* ``controls(ctx)`` maps ``ctx.actions`` (N, A) to ctrl (N, nu), held over ``decimation`` physics steps. PD servos
  belong into the model (position actuators: gainprm kp, biasprm -kp, -kd), so that they act at every physics step.
  Torque laws with state feedback set ``substep_controls = True`` and are called before every physics step.
* ``ctx.qpos``, ``ctx.qvel`` are the state AFTER the step; ``ctx.sensordata`` is one physics step older (MuJoCo
  evaluates sensors before it integrates), ``ctx.sensor_substeps`` (N, decimation, ns) has every substep (foot
  contacts). Column ranges of a sensor: ``sensor_slice(model, "name")``. Body-frame velocities of the base are better
  computed from ``qpos``/``qvel`` with ``sim.vector.rotations``; a free joint's ``qvel[3:6]`` already is in the body
  frame.
* ``reset(ctx, ids)`` returns qpos, qvel of the given worlds and re-initialises ``ctx.memory[...][ids]``.
* ``memory(N)`` declares the task's own per-world buffers (commands, air time, ...); ``update(ctx)`` advances them
  after the physics and before terminations and rewards; ``events(ctx)`` runs after resets and before observations:
  resample commands, push by editing ``ctx.qvel`` rows in place (return their ids). Forces: set ``external_forces =
  True`` and write ``ctx.xfrc[:, body]``.
* ``rewards(ctx)`` returns weighted terms by name; the reward is their sum, and their episode means per second appear
  in ``extras["log"]["Episode_Reward/<name>"]``. Multiply by ``ctx.step_dt`` yourself if the recipe does.
* ``observations(ctx)`` must work for any number of rows: it is called for all worlds, and for the ended ones before
  their reset (``extras["final_observation"]``, rows ordered as ``extras["final_ids"]``).
* ``models(N, rng)`` returns one model per world (randomised masses, friction, gains): copies made with ``copy.copy``
  of the nominal model, parameters edited in place. They may be edited again at resets through ``ctx.models[i]``.

Returned arrays are reused: they stay valid during the next step and are overwritten by the one after.
"""

from __future__ import annotations

from sim.vector.context import Context
from sim.vector.engine import RolloutEngine, usable_cores
from sim.vector.env import VectorEnv
from sim.vector.errors import (
    BackendError,
    BatchedActionError,
    BatchSizeError,
    UnknownTaskError,
    UnstableWorldWarning,
)
from sim.vector.layout import StateLayout, sensor_slice
from sim.vector.registry import make, names, register
from sim.vector.task import BatchedTask, TaskDefaults
from sim.vector.warp_engine import WarpEngine

__all__ = [
    "BackendError", "BatchSizeError", "BatchedActionError", "BatchedTask", "Context", "RolloutEngine", "StateLayout",
    "TaskDefaults", "UnknownTaskError", "UnstableWorldWarning", "VectorEnv", "WarpEngine", "make", "names", "register",
    "sensor_slice", "usable_cores",
]  # fmt: skip
