"""Simulation throughput: Keel's batches against raw mj_step, gymnasium's vector environments and envpool, in one run.

    python benchmarks/sim_throughput.py                                    (all tasks, about 8 minutes on 2 idle cores)
    python benchmarks/sim_throughput.py --tasks Ant HalfCheetah --repeats 7
    python benchmarks/sim_throughput.py --output runs/sim_throughput       (also writes table.md and results.json)

One environment step is one control step (several mj_step) with observations, rewards and resets, random actions; raw is
mj_step alone, on states, controls and models taken from Keel's running batch, on one thread and on one thread per core.
Contenders of a task take turns ``repeats`` times and medians are reported: per second of wall time and per second of
CPU time of all threads and child processes. On a machine that does other work at the same time, only the figures per
CPU second compare. The limit is cores x raw for wall time, raw for CPU time. Cores that share caches, memory or a
power budget do not reach it even with independent threads; "of reachable" divides by raw on all cores.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import tyro

from sim.vector import VectorEnv, make, usable_cores
from sim.vector.layout import FULL_PHYSICS

GYMNASIUM = ("Ant", "HalfCheetah", "Hopper", "Humanoid", "Walker2d")
RAW = "raw mj_step, 1 thread"
WARM_UP = 25
"""Control steps before the first measurement, so that worlds are spread over their episodes."""


@dataclass(frozen=True)
class Args:
    """Options."""

    tasks: tuple[str, ...] = ("Ant", "HalfCheetah", "Humanoid", "Go1-Velocity-Flat", "Panda-Reach")
    """Names that sim.vector.make knows."""
    sizes: tuple[int, ...] = (64, 256, 1024)
    """Numbers of worlds of Keel's batches; envpool runs with the middle one."""
    sync_envs: int = 8
    """Environments of gymnasium's SyncVectorEnv; its rate per environment does not depend on it."""
    repeats: int = 5
    """Rounds; the median of a contender's rounds is reported."""
    seconds: float = 1.0
    """Wall time of one measurement."""
    output: Path | None = None
    """Folder for table.md and results.json."""


@dataclass
class Contender:
    """Something that steps: ``advance`` does one batch of ``worlds`` environment steps."""

    name: str
    worlds: int
    advance: Callable[[], Any]
    close: Callable[[], Any] = lambda: None
    prepare: Callable[[], Any] = lambda: None
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def cpu_seconds() -> float:
    """CPU time of this process, its threads and its living child processes [s]."""
    total = time.process_time()
    for child in active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def measure(contender: Contender, seconds: float) -> None:
    """One round of one contender."""
    contender.prepare()
    contender.advance()
    steps, cpu, start = 0, cpu_seconds(), time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        contender.advance()
        steps += contender.worlds
    contender.wall.append(steps / elapsed)
    contender.cpu.append(steps / max(cpu_seconds() - cpu, 1e-9))


def actions_for(env: VectorEnv, worlds: int, count: int = 16) -> np.ndarray:
    """Uniform random actions (count, worlds, A) float32 within the action space, cut to [-1, 1] where it is wider."""
    space = env.single_action_space
    low, high = np.maximum(space.low, -1.0), np.minimum(space.high, 1.0)
    return np.random.default_rng(0).uniform(low, high, (count, worlds, env.num_actions)).astype(np.float32)


def batch(env: VectorEnv) -> Contender:
    """Keel's batch, observations, rewards and resets included."""
    actions, counter = actions_for(env, env.num_envs), iter(range(10**12))
    env.reset(seed=0)
    return Contender(f"keel N={env.num_envs}", env.num_envs, lambda: env.step(actions[next(counter) % 16]), env.close)


def raw(env: VectorEnv, threads: int = 1, sample: int = 64, steps: int = 4) -> Contender:
    """``mj_step`` alone: each thread does ``steps`` control steps from each of ``sample`` worlds of ``env``.

    Threads share nothing but the models; ``mj_step`` releases the interpreter's lock for all ``steps`` at once.
    """
    models = env.engine.models
    rows = np.arange(threads * sample) % env.num_envs
    data = [mujoco.MjData(models[0]) for _ in range(threads)]
    states, controls = env.engine.state[rows], env.context.ctrl[rows]
    pool = ThreadPoolExecutor(threads)

    def prepare() -> None:
        states[:], controls[:] = env.engine.state[rows], env.context.ctrl[rows]

    def work(thread: int) -> None:
        own = data[thread]
        for k in range(thread * sample, (thread + 1) * sample):
            model = models[rows[k]]
            mujoco.mj_setState(model, own, states[k], FULL_PHYSICS)
            own.ctrl[:] = controls[k]
            mujoco.mj_step(model, own, env.decimation * steps)

    def advance() -> None:
        if threads == 1:
            work(0)
        else:
            list(pool.map(work, range(threads)))

    name = RAW if threads == 1 else f"raw mj_step, {threads} threads"
    return Contender(name, threads * sample * steps, advance, pool.shutdown, prepare)


def gymnasium_vector(task: str, env: VectorEnv, mode: str, worlds: int) -> Contender:
    """Gymnasium's own vector environments of the same task."""
    peer = gymnasium.make_vec(f"{task}-v5", num_envs=worlds, vectorization_mode=mode)
    peer.reset(seed=0)
    actions, counter = actions_for(env, worlds), iter(range(10**12))
    return Contender(f"gymnasium {mode} N={worlds}", worlds, lambda: peer.step(actions[next(counter) % 16]), peer.close)


def envpool_vector(task: str, env: VectorEnv, worlds: int) -> Contender:
    """envpool's environments of the same task, its threads one per core, synchronous mode."""
    import envpool

    peer = envpool.make_gymnasium(f"{task}-v5", num_envs=worlds, num_threads=usable_cores())
    peer.reset()
    actions, counter = actions_for(env, worlds).astype(np.float64), iter(range(10**12))
    return Contender(f"envpool N={worlds}", worlds, lambda: peer.step(actions[next(counter) % 16]), peer.close)


def contenders(task: str, args: Args) -> list[Contender]:
    """Everything that can run the task; envpool is left out, with a note, where it is not installed."""
    envs = [make(task, size, seed=0) for size in args.sizes]
    middle = envs[len(envs) // 2]
    cores = usable_cores()
    listed = [raw(middle), *([raw(middle, cores)] if cores > 1 else []), *(batch(env) for env in envs)]
    if task in GYMNASIUM:
        listed.append(gymnasium_vector(task, middle, "sync", args.sync_envs))
        listed.append(gymnasium_vector(task, middle, "async", usable_cores()))
        try:
            listed.append(envpool_vector(task, middle, middle.num_envs))
        except ImportError:
            print("envpool is not installed: left out")
    return listed


def run_task(task: str, args: Args) -> dict[str, Any]:
    """Measures one task; returns medians by contender."""
    listed = contenders(task, args)
    for contender in listed:
        for _ in range(0 if contender.name.startswith("raw") else WARM_UP):
            contender.advance()
    for _ in range(args.repeats):
        for contender in listed:
            measure(contender, args.seconds)
    for contender in listed:
        contender.close()
    return {c.name: {"wall": float(np.median(c.wall)), "cpu": float(np.median(c.cpu))} for c in listed}


def table(task: str, medians: dict[str, Any], keel: str, cores: int) -> str:
    """Markdown rows of one task; the last two columns are ``keel`` divided by the row."""
    raw_rate = medians[RAW]
    reachable = medians.get(f"raw mj_step, {cores} threads", raw_rate)["wall"]
    lines = [
        f"| {task} | steps/s | of limit | of reachable | steps/cpu-s | of limit | {keel} / row, wall | per cpu-s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, m in medians.items():
        limit = f"{m['wall'] / (cores * raw_rate['wall']):.2f} | {m['wall'] / reachable:.2f}"
        limit += f" | {m['cpu']:.0f} | {m['cpu'] / raw_rate['cpu']:.2f}"
        ratio = f"{medians[keel]['wall'] / m['wall']:.2f} | {medians[keel]['cpu'] / m['cpu']:.2f}"
        lines.append(f"| {name} | {m['wall']:.0f} | {limit} | {ratio} |")
    return "\n".join(lines)


def main(args: Args) -> None:
    """Runs the benchmark."""
    cores = usable_cores()
    keel = f"keel N={args.sizes[len(args.sizes) // 2]}"
    texts, results = [], {}
    for task in args.tasks:
        before = os.getloadavg()[0]
        medians = run_task(task, args)
        load = f"load average {before:.1f} before, {os.getloadavg()[0]:.1f} after"
        results[task] = {"medians": medians, "load": load}
        texts.append(table(task, medians, keel, cores) + f"\n\n{load}; limit = {cores} x raw (wall), raw (CPU)")
        print(texts[-1] + "\n", flush=True)
    machine = f"{platform.processor() or platform.machine()}, {cores} cores, MuJoCo {mujoco.__version__}"
    print(machine)
    if args.output is not None:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "table.md").write_text("\n\n".join(texts) + f"\n\n{machine}\n")
        settings = {key: str(value) for key, value in asdict(args).items()}
        (args.output / "results.json").write_text(json.dumps({"settings": settings, "results": results}, indent=2))


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
