"""Scenes for ``keel view``: a bundle in closed loop, a task's expert, or a batched task under no command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError
from sim.tasks.table import BATCHED_TASKS
from training.contracts.registry import task_contract, task_names
from training.evaluation.walkers import is_gait

Show = Callable[[mujoco.MjData, float], None]
"""Called with the state and the scene's time (s), once per control period."""


@dataclass(frozen=True)
class Scene:
    """Something to look at.

    Attributes:
        model: of MuJoCo.
        data: the state that is shown.
        play: runs it, showing as it goes; returns what happened, in words.
    """

    model: mujoco.MjModel
    data: mujoco.MjData
    play: Callable[[Show], str]


def scene_of(what: str, seconds: float, seed: int, command: tuple[float, float, float]) -> Scene:
    """The scene of a bundle's path, a task of ``keel collect`` or a task of ``sim.vector.make``.

    Args:
        what: path or name.
        seconds: length (simulated); a task that is done ends earlier.
        seed: of the world.
        command: vx, vy [m/s], yaw rate [rad/s], for a gait.

    Raises:
        ConfigError: neither a bundle nor a task, or one that cannot be shown.
        BundleError: the bundle is broken.
    """
    if what in BATCHED_TASKS:
        return _batched(what, seconds, seed)
    if Path(what).is_dir():
        bundle = load_bundle(what)
        return _gait(bundle, seconds, seed, command) if is_gait(bundle.manifest) else _episode(bundle, seconds, seed)
    if what.partition("/")[0] in {name.partition("/")[0] for name in task_names()}:
        return _expert(what, seconds, seed)
    raise ConfigError(
        f"'{what}' is neither a bundle nor a task.",
        f"give a NAME.keel directory or one of {', '.join([*task_names(), *sorted(BATCHED_TASKS)])}.",
    )


def _gait(bundle: Bundle, seconds: float, seed: int, command: tuple[float, float, float]) -> Scene:
    from sim.tasks.velocity.simulated_robot import SimulatedGo1
    from sim.tasks.velocity.visual import go1_visual_model
    from training.evaluation.walking import WalkingLoop

    model = go1_visual_model()
    data = mujoco.MjData(model)

    def play(show: Show) -> str:
        robot = SimulatedGo1(seed)
        loop = WalkingLoop(bundle, robot)
        try:
            loop.enable()
        except RuntimeError as error:
            return f"not enabled: {error}"
        start = robot.data.qpos[:2].copy()
        for tick in range(max(1, round(seconds / loop.period_s))):
            trace = loop.run(loop.period_s, command)
            data.qpos[:] = robot.data.qpos
            mujoco.mj_forward(model, data)
            show(data, tick * loop.period_s)
        state = trace.decisions[-1].state.name
        walked = np.linalg.norm(robot.data.qpos[:2] - start)
        return f"walked {walked:.1f} m, {'fell' if trace.fallen else 'upright'}, {state}"

    return Scene(model, data, play)


def _mujoco(world: Any, name: str) -> tuple[mujoco.MjModel, mujoco.MjData]:
    if not hasattr(world, "model"):
        raise ConfigError(f"'{name}' is not a MuJoCo world.", "it cannot be viewed.")
    return world.model, world.data


def _episode(bundle: Bundle, seconds: float, seed: int) -> Scene:
    from training.evaluation.closed_loop import ClosedLoop

    world = task_contract(bundle.manifest.task).make_world()
    model, data = _mujoco(world, bundle.manifest.task)

    def play(show: Show) -> str:
        episode = ClosedLoop(bundle, world).run(seed, seconds, frame=lambda w, time: show(w.data, time), settle_s=1.0)
        return f"{episode.outcome} after {episode.steps * world.control_dt:.1f} s"

    return Scene(model, data, play)


def _expert(task: str, seconds: float, seed: int) -> Scene:
    contract = task_contract(task)
    world, expert = contract.make_world(), contract.make_expert()
    model, data = _mujoco(world, task)

    def play(show: Show) -> str:
        world.reset(seed)
        expert.noise = 0.0
        expert.reset(world, seed=seed)
        steps = round(seconds / world.control_dt)
        for step in range(steps):
            world.step(expert.act(world))
            show(world.data, step * world.control_dt)
            if expert.done and world.success():
                return f"the expert was done after {(step + 1) * world.control_dt:.1f} s"
        return f"the expert was not done after {steps * world.control_dt:.1f} s"

    return Scene(model, data, play)


def _batched(name: str, seconds: float, seed: int) -> Scene:
    from sim.vector import make

    env = make(name, 1, seed=seed, num_threads=0)
    model = env.engine.models[0]
    data = mujoco.MjData(model)

    def play(show: Show) -> str:
        env.reset(seed=seed)
        still = np.zeros((1, env.num_actions), dtype=np.float32)
        steps, ends = round(seconds / env.step_dt), 0
        for step in range(steps):
            _, _, terminated, truncated, _ = env.step(still)
            ends += int(terminated[0] or truncated[0])
            data.qpos[:], data.qvel[:] = env.context.qpos[0], env.context.qvel[0]
            mujoco.mj_forward(model, data)
            show(data, step * env.step_dt)
        env.close()
        return f"{steps} control steps with zero actions, {ends} episodes ended"

    return Scene(model, data, play)
