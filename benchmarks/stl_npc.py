"""Closed-loop satisfaction and time per control step of STL-NPC, its backup, CEM and gradient MPC, side by side.

    python benchmarks/stl_npc.py --weights examples/stl_npc
    python benchmarks/stl_npc.py --train             # trains both tasks first (minutes)

All planners see the same states, dynamics and formula, re-plan at every control step and are judged by the exact
robustness of the executed trace. "broken network" is the network with its last layer's weights replaced by noise: what
the backup is for. Times are medians over all control steps, one thread.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from training.commands import train_npc
from training.evaluation.statistics import wilson_interval
from training.stl_npc.closed_loop import Planner, run
from training.stl_npc.panda import PandaReachAvoid
from training.stl_npc.planar import PlanarVehicle
from training.stl_npc.planners import CemPlanner, GradientPlanner, GuardedPlanner, NeuralPlanner
from training.stl_npc.policy import PredictivePolicy
from training.stl_npc.task import ControlTask
from training.stl_npc.train import NpcConfig


def options(task: ControlTask) -> tuple[torch.Tensor, int]:
    """Controls that the backup combines, and over how many steps."""
    if task.control_size == 2:
        return torch.cartesian_prod(torch.tensor([-1.5, 0.0, 1.5]), torch.tensor([-1.5, -0.5, 0.0, 0.5, 1.5])), 3
    axes = torch.cat([torch.zeros(1, 7), 1.2 * torch.eye(7), -1.2 * torch.eye(7)])
    return axes, 2


def broken(policy: PredictivePolicy) -> PredictivePolicy:
    other = PredictivePolicy(policy.task)
    other.load_state_dict(policy.state_dict())
    torch.manual_seed(0)
    with torch.no_grad():
        other.head.weight.normal_(0.0, 0.1)
    return other.eval().requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("examples/stl_npc"))
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--seed", type=int, default=123)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.train:
        args.weights = Path(tempfile.mkdtemp(prefix="keel_npc_"))
        for name in ("planar", "panda"):
            train_npc.run(train_npc.Args(name, args.weights / name, NpcConfig()))
    for name, task in (("planar", PlanarVehicle()), ("panda", PandaReachAvoid())):
        policy = PredictivePolicy(task)
        policy.load_state_dict(load_file(args.weights / name / "policy.safetensors"))
        policy.eval().requires_grad_(False)
        initial = task.sample(args.episodes, torch.Generator().manual_seed(args.seed))
        controls, prefix = options(task)
        planners: dict[str, Planner] = {
            "STL-NPC": NeuralPlanner(policy),
            "STL-NPC + backup": GuardedPlanner(policy, controls, prefix),
            "broken network": NeuralPlanner(broken(policy)),
            "broken network + backup": GuardedPlanner(broken(policy), controls, prefix),
            "CEM": CemPlanner(task),
            "gradient MPC": GradientPlanner(task),
        }
        print(f"\n{task.name}: {args.episodes} episodes of {task.episode_steps} steps, load {os.getloadavg()[0]:.1f}")
        print(f"{'planner':<24} {'satisfied':>9} {'95 % interval':>16} {'ms/step p50':>12} {'p99':>8} {'ratio':>7}")
        reference = 0.0
        for label, planner in planners.items():
            result = run(task, planner, initial)
            low, high = wilson_interval(result.satisfied, args.episodes, 0.95)
            p50 = result.seconds.median().item() * 1e3
            p99 = result.seconds.quantile(0.99).item() * 1e3
            reference = reference or p50
            rate = result.satisfied / args.episodes
            interval = f"{low:.3f}..{high:.3f}"
            figures = f"{p50:>12.2f} {p99:>8.2f} {p50 / reference:>7.1f}"
            print(f"{label:<24} {rate:>9.3f} {interval:>16} {figures}", flush=True)


if __name__ == "__main__":
    main()
