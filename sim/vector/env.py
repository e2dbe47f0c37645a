"""A batch of environments: physics engine + task, with resets inside the step.

Order of one step, that of Isaac Lab and mjlab: controls, physics, episode length, ``update``, terminations, rewards,
resets, ``events``, observations. Observations returned are those after resets.

Two sets of output buffers take turns: what ``step`` returned stays valid during the next ``step`` and is overwritten by
the one after. Learners that keep the observation while they step (rsl_rl does) therefore need no copy.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from sim.vector.context import Context
from sim.vector.data_engine import DataEngine
from sim.vector.engine import RolloutEngine
from sim.vector.errors import BatchedActionError, UnstableWorldWarning
from sim.vector.history import StateHistory
from sim.vector.task import BatchedTask
from sim.vector.warp_engine import WarpEngine

__all__ = ["VectorEnv"]

Observation = dict[str, NDArray[np.float32]]


class VectorEnv:
    """N copies of a task, stepped together.

    Args:
        task: what to do (see :class:`sim.vector.BatchedTask`).
        num_envs: N.
        name: used in messages and file names.
        seed: of the environment's generator; ``reset(seed=...)`` reseeds.
        num_threads: physics threads; default one per usable core.
        chunk_size: worlds per unit of work of the pool; None lets it choose.
        exact: keep one ``MjData`` per world even where the task does not need it. Trajectories are then bit-equal to
            stepping each world alone, solver warm start included, at some speed.
        dump_dir: where the last 100 states of a diverged world are written.
        backend: ``"cpu"``, or a device of MuJoCo Warp: ``"cuda"``, ``"cuda:N"``, ``"warp-cpu"``.

    Raises:
        BatchSizeError: N below 1, or the task's models do not fit.
        BackendError: the device is missing, or MuJoCo Warp cannot run the task.
    """

    device = "cpu"
    """Where observations, rewards and actions live, whatever computes the physics."""

    def __init__(
        self,
        task: BatchedTask,
        num_envs: int,
        *,
        name: str = "task",
        seed: int | None = None,
        num_threads: int | None = None,
        chunk_size: int | None = None,
        exact: bool = False,
        dump_dir: Path | None = None,
        backend: str = "cpu",
    ) -> None:
        self.task, self.name, self.cfg = task, name, task.cfg
        self.num_envs = num_envs
        self.rng = np.random.default_rng(seed)
        self.engine = self._make_engine(num_threads, chunk_size, exact, backend)
        engine, n = self.engine, num_envs
        self.num_actions = int(task.action_low.shape[0])
        self.decimation = task.decimation
        self.physics_dt = engine.physics_dt
        self.step_dt = engine.physics_dt * task.decimation
        self.max_episode_length = task.max_episode_length
        self.max_episode_length_s = task.max_episode_length * self.step_dt
        self.observation_groups = dict(task.observation_groups)
        self.single_observation_space = gymnasium.spaces.Dict(
            {key: gymnasium.spaces.Box(-np.inf, np.inf, (d,), np.float32) for key, d in self.observation_groups.items()}
        )
        self.single_action_space = gymnasium.spaces.Box(task.action_low, task.action_high, dtype=np.float32)
        self.episode_length_buf = np.zeros(n, dtype=np.int64)
        self.reset_terminated = np.zeros(n, dtype=bool)
        self.reset_time_outs = np.zeros(n, dtype=bool)
        self.reset_buf = np.ones(n, dtype=bool)
        self.common_step_counter = 0
        self.unstable_worlds = 0
        self.history = StateHistory(
            n, engine.layout.size, engine.model.nu, directory=dump_dir, decimation=task.decimation
        )
        self._actions = [np.zeros((n, self.num_actions), dtype=np.float32) for _ in range(3)]
        self._outputs = [self._output_set() for _ in range(2)]
        self._terms: tuple[str, ...] = ()
        self._sums = np.zeros((0, n))
        self._all = np.arange(n)
        self._started = False
        self.context = self._first_context()

    def _make_engine(
        self, num_threads: int | None, chunk_size: int | None, exact: bool, backend: str
    ) -> RolloutEngine | DataEngine | WarpEngine:
        task = self.task
        models = task.models(self.num_envs, self.rng)
        if backend != "cpu":
            return WarpEngine(
                task.model if models is None else models, self.num_envs, task.decimation, device=backend,
                data_fields=task.data_fields, external_forces=task.external_forces,
            )  # fmt: skip
        if task.data_fields or exact:
            return DataEngine(
                task.model if models is None else models, self.num_envs, task.decimation,
                data_fields=task.data_fields, external_forces=task.external_forces, num_threads=num_threads,
            )  # fmt: skip
        return RolloutEngine(
            task.model if models is None else models, self.num_envs, task.decimation,
            external_forces=task.external_forces, num_threads=num_threads, chunk_size=chunk_size,
        )  # fmt: skip

    def _output_set(self) -> tuple[Observation, NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        n = self.num_envs
        obs = {key: np.zeros((n, d), dtype=np.float32) for key, d in self.observation_groups.items()}
        return obs, np.zeros(n, dtype=np.float32), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)

    def _first_context(self) -> Context:
        e, n = self.engine, self.num_envs
        return Context(
            model=e.model, models=e.models, physics_dt=self.physics_dt, step_dt=self.step_dt,
            max_episode_length=self.max_episode_length, rng=self.rng, ids=self._all,
            qpos=e.qpos, qvel=e.qvel, act=e.act, previous_qpos=e.qpos.copy(), previous_qvel=e.qvel.copy(),
            time=e.time, sensordata=e.sensordata, sensor_substeps=e.sensor_substeps,
            ctrl=np.zeros((n, e.model.nu)), xfrc=e.xfrc, actions=self._actions[0], previous_actions=self._actions[1],
            previous_actions_2=self._actions[2], episode_length=self.episode_length_buf,
            terminated=self.reset_terminated, fields=dict(e.fields),
            previous_fields={key: value.copy() for key, value in e.fields.items()}, memory=self.task.memory(n),
        )  # fmt: skip

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts new episodes in all worlds; ``options`` is accepted for the interface and unused."""
        if seed is not None:
            self.rng = np.random.default_rng(seed)
            self.context.rng = self.rng
        self.reset_terminated[:] = False
        self.reset_time_outs[:] = False
        self.reset_buf[:] = True
        self._reset_rows(self._all)
        self._started = True
        obs = self._outputs[0][0]
        self._write_observations(obs, self.task.observations(self.context))
        return obs, {"log": {}}

    def reset_rows(self, ids: NDArray[np.int64]) -> Observation:
        """Starts new episodes in the worlds ``ids`` (k,); returns the current observations of all worlds."""
        if not self._started:
            return self.reset()[0]
        if ids.size:
            self._reset_rows(ids)
        obs = self._outputs[0][0]
        self._write_observations(obs, self.task.observations(self.context))
        return obs

    def step(
        self, actions: NDArray[np.floating]
    ) -> tuple[Observation, NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One control step of every world.

        Args:
            actions: (N, A), finite.

        Returns:
            Observations by group (N, d) after resets, reward (N,), terminated (N,), truncated (N,) and extras:
            ``time_outs`` (= truncated), ``final_observation`` with ``final_ids`` when worlds were reset (rows in the
            order of ``final_ids``, observations before the reset), ``log`` (means over the ended episodes).

        Raises:
            BatchedActionError: wrong shape or not finite; no world was stepped.
        """
        if not self._started:
            self.reset()
        new = self._checked(actions)
        self._outputs.reverse()
        obs, reward, terminated, truncated = self._outputs[0]
        unstable = self._advance(new)
        context, task = self.context, self.task

        self.episode_length_buf += 1
        self.common_step_counter += 1
        context.common_step_counter = self.common_step_counter
        task.update(context)
        np.logical_or(task.terminations(context), unstable, out=self.reset_terminated)
        np.greater_equal(self.episode_length_buf, self.max_episode_length or np.inf, out=self.reset_time_outs)
        self.reset_time_outs &= ~self.reset_terminated
        np.logical_or(self.reset_terminated, self.reset_time_outs, out=self.reset_buf)
        self._accumulate(task.rewards(context), reward, unstable)
        terminated[:], truncated[:] = self.reset_terminated, self.reset_time_outs
        extras: dict[str, Any] = {"time_outs": truncated, "log": {}}

        done = np.flatnonzero(self.reset_buf)
        if done.size:
            ended = context.take(done)
            extras["final_ids"] = done
            extras["final_observation"] = {
                key: np.asarray(value, dtype=np.float32) for key, value in task.observations(ended).items()
            }
            extras["log"] = self._episode_log(done, ended)
            self._reset_rows(done)
        edited = task.events(context)
        if edited is not None and edited.size:
            context.derived.clear()
            self.engine.commit_rows(edited)
        self._write_observations(obs, task.observations(context))
        return obs, reward, terminated, truncated, extras

    def _checked(self, actions: NDArray[np.floating]) -> NDArray[np.floating]:
        actions = np.asarray(actions)
        if actions.shape != (self.num_envs, self.num_actions):
            raise BatchedActionError(
                f"actions of '{self.name}' have shape {actions.shape}.",
                f"pass ({self.num_envs}, {self.num_actions}): one row per world.",
            )
        if not np.isfinite(actions).all():
            row, column = np.argwhere(~np.isfinite(actions))[0]
            raise BatchedActionError(
                f"action {column} of world {row} of '{self.name}' is {actions[row, column]}.",
                "check the policy's output (diverged training, missing normalisation); no world was stepped.",
            )
        return actions

    def _advance(self, actions: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Controls and physics; returns the worlds that diverged, put back to their last good state."""
        context, engine = self.context, self.engine
        self._actions.insert(0, self._actions.pop())
        self._actions[0][:] = actions
        context.actions, context.previous_actions, context.previous_actions_2 = self._actions
        before = self.history.record(engine.state)
        context.previous_qpos, context.previous_qvel = before[:, engine.layout.qpos], before[:, engine.layout.qvel]
        for key, value in engine.fields.items():
            np.copyto(context.previous_fields[key], value)
        if self.task.substep_controls:
            unstable = np.zeros(self.num_envs, dtype=bool)
            for _ in range(self.decimation):
                ctrl = self.task.controls(context)
                context.ctrl[:] = ctrl
                unstable |= engine.step(ctrl, 1)
                context.derived.clear()
        else:
            ctrl = self.task.controls(context)
            context.ctrl[:] = ctrl if ctrl.ndim == 2 else ctrl[:, -1]
            unstable = engine.step(ctrl)
        context.derived.clear()
        context.sensor_substeps = engine.sensor_substeps
        self.history.record_controls(context.ctrl)
        if unstable.any():
            self._report(np.flatnonzero(unstable))
        return unstable

    def _report(self, ids: NDArray[np.int64]) -> None:
        """Dumps and repairs diverged worlds, so that no NaN reaches rewards or observations."""
        self.unstable_worlds += int(ids.size)
        world = int(ids[0])  # one dump per step: a diverged training run would otherwise spend its time writing files
        path = self.history.dump(world, self.engine.state[world], self.engine.models[world], self.name)
        more = f" and {ids.size - 1} more" if ids.size > 1 else ""
        warnings.warn(
            f"world {world}{more} of '{self.name}' became unstable and was reset; its last states are in {path}, "
            f"see keel replay ({self.unstable_worlds} so far).",
            UnstableWorldWarning,
            stacklevel=4,
        )
        states, layout = self.history.last_state(ids), self.engine.layout
        bad = ~np.isfinite(states).all(axis=1)
        if bad.any():  # the state was already bad before the step (a task's edit): any finite state serves until reset
            states[bad] = 0.0
            states[bad, layout.qpos] = self.engine.model.qpos0
        self.engine.restore_rows(ids, states)

    def _accumulate(
        self, terms: dict[str, NDArray[np.floating]], reward: NDArray[np.float32], unstable: NDArray[np.bool_]
    ) -> None:
        if self._terms[: len(terms)] != tuple(terms):  # the first step, or a task whose terms come and go
            self._keep_sums_of(tuple(terms))
        values = np.stack(list(terms.values())) if terms else np.zeros((0, self.num_envs))
        self._sums[: len(values)] += values
        reward[:] = np.where(unstable, 0.0, values.sum(axis=0))

    def _keep_sums_of(self, names: tuple[str, ...]) -> None:
        """Puts the sums of ``names`` first, in their order; new ones begin at zero, others are kept behind them."""
        known = dict(zip(self._terms, self._sums, strict=True))
        self._terms = (*names, *(name for name in known if name not in names))
        nothing = np.zeros(self.num_envs)
        self._sums = np.stack([known.get(name, nothing) for name in self._terms])

    def _episode_log(self, done: NDArray[np.int64], ended: Context) -> dict[str, float]:
        """Mean over the ended episodes: each reward term per second, return-free counts, and the task's own."""
        log = {}
        seconds = self.episode_length_buf[done] * self.step_dt
        for key, mean in zip(self._terms, (self._sums[:, done] / seconds).mean(axis=1), strict=True):
            log[f"Episode_Reward/{key}"] = float(mean)
        log["Episode_Termination/terminated"] = float(np.mean(self.reset_terminated[done]))
        log["Episode_Termination/time_out"] = float(np.mean(self.reset_time_outs[done]))
        log["Episode_Length/steps"] = float(np.mean(self.episode_length_buf[done]))
        log["Physics/unstable_worlds"] = float(self.unstable_worlds)
        log.update(self.task.log(ended))
        return log

    def _reset_rows(self, ids: NDArray[np.int64]) -> None:
        for buffer in self._actions:
            buffer[ids] = 0.0
        self._sums[:, ids] = 0.0
        self.episode_length_buf[ids] = 0
        self.context.ctrl[ids] = 0.0
        qpos, qvel = self.task.reset(self.context, ids)
        self.engine.write_rows(ids, qpos, qvel)
        self.context.derived.clear()
        self.history.forget(ids)

    @staticmethod
    def _write_observations(out: Observation, values: dict[str, NDArray[np.floating]]) -> None:
        for key, buffer in out.items():
            buffer[:] = values[key]

    def close(self) -> None:
        """Stops the physics threads; calling it twice does nothing."""
        self.engine.close()
