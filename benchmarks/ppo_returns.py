"""PPO returns on Gymnasium's HalfCheetah, Hopper, Walker2d and Ant v5, learned in the batched simulator.

Stable-Baselines3's PPO trains through ``sim.isaacgym`` on ``sim.vector``; each result is tested in Gymnasium's own
environment: 10 episodes, mean action, observation normalisation frozen. Settings are those of the reference
implementations for continuous control (Huang et al., "The 37 Implementation Details of PPO", 2022): 2048 steps per
update, here of 64 worlds instead of one, 10 epochs of batches of 64, learning rate 3e-4 falling to 0, normalised
observations and rewards. The first standard deviation is 1 for the hopper and the walker, whose step reward hardly
charges actions, and exp(-1) where exploring costs more than walking earns (with 1 the Ant reached 413 in a million
steps). Bands: what public PPO implementations reach in a million steps.

A finished seed is a line in OUTPUT/results.jsonl and is not run again; one seed takes 6 to 10 minutes of one core.

    OMP_NUM_THREADS=1 python benchmarks/ppo_returns.py --tasks Hopper HalfCheetah --seeds 1 2 3
    python benchmarks/ppo_returns.py --summary
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

BANDS = {"HalfCheetah": 1500.0, "Hopper": 2000.0, "Walker2d": 2200.0, "Ant": 1500.0}
"""Smallest mean return over seeds that counts as reproduced after a million steps."""
WORLDS, STEPS, EPOCHS, BATCH = 64, 32, 10, 64
LOG_STD = {"HalfCheetah": -1.0, "Hopper": 0.0, "Walker2d": 0.0, "Ant": -1.0}
"""Logarithm of the first standard deviation of the actions."""
EPISODES = 10


def train(task: str, seed: int, steps: int) -> tuple[Any, Any]:
    """A PPO model and its frozen normalisation after ``steps`` environment steps."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecNormalize

    from sim.isaacgym.adapters.sb3 import Sb3Env
    from sim.vector import make

    torch.set_num_threads(1)
    worlds = VecNormalize(Sb3Env(make(task, WORLDS, seed=seed, num_threads=1)), gamma=0.99)
    model = PPO(
        "MlpPolicy", worlds, seed=seed, device="cpu", n_steps=STEPS, batch_size=BATCH, n_epochs=EPOCHS, gamma=0.99,
        gae_lambda=0.95, clip_range=0.2, ent_coef=0.0, vf_coef=0.5, max_grad_norm=0.5,
        learning_rate=lambda left: 3e-4 * left, policy_kwargs={"log_std_init": LOG_STD[task]},
    )  # fmt: skip
    model.learn(steps)
    worlds.training = False
    return model, worlds


def test(task: str, model: Any, worlds: Any, seed: int) -> list[float]:
    """Returns of ``EPISODES`` episodes in Gymnasium's own environment under the mean action."""
    env = gymnasium.make(f"{task}-v5")
    returns = []
    for episode in range(EPISODES):
        observation, _ = env.reset(seed=10_000 + 100 * seed + episode)
        total, over = 0.0, False
        while not over:
            action = model.predict(worlds.normalize_obs(observation.astype(np.float32)), deterministic=True)[0]
            observation, reward, terminated, truncated, _ = env.step(action)
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    env.close()
    return returns


def finished(results: Path) -> list[dict[str, Any]]:
    """Rows of seeds that are done."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """Mean and standard deviation over seeds beside the band, as Markdown."""
    lines = [
        "| task | steps | seeds | return, mean over seeds | each seed | band |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for task, steps in sorted({(row["task"], row["steps"]) for row in rows}):
        means = [float(np.mean(row["returns"])) for row in rows if (row["task"], row["steps"]) == (task, steps)]
        each = ", ".join(f"{mean:.0f}" for mean in means)
        spread = f"{np.mean(means):.0f} ± {np.std(means):.0f}"
        lines.append(f"| {task}-v5 | {steps:,} | {len(means)} | {spread} | {each} | ≥ {BANDS[task]:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Runs what is missing, seed by seed, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=sorted(BANDS), default=list(BANDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path, default=Path("runs/ppo_returns"))
    parser.add_argument("--summary", action="store_true", help="only print what is there")
    args = parser.parse_args()
    results = args.output / "results.jsonl"
    args.output.mkdir(parents=True, exist_ok=True)
    for task in [] if args.summary else args.tasks:
        for seed in args.seeds:
            if any((r["task"], r["seed"], r["steps"]) == (task, seed, args.steps) for r in finished(results)):
                continue
            load, wall, cpu = os.getloadavg()[0], time.monotonic(), time.process_time()
            model, worlds = train(task, seed, args.steps)
            row = {"task": task, "seed": seed, "steps": args.steps, "returns": test(task, model, worlds, seed)}
            row |= {"wall_s": time.monotonic() - wall, "cpu_s": time.process_time() - cpu, "load": load}
            with results.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{task} seed {seed}: {np.mean(row['returns']):.0f} ({row['cpu_s']:.0f} s of one core)", flush=True)
    print(table(finished(results)))


if __name__ == "__main__":
    main()
