"""The table that goes with a walking policy: tracking of several commands, and survival of pushes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from sim.randomization.model import ModelRandomization
from sim.tasks.velocity.task import VelocityTask
from training.rl.evaluation import Policy, pushes, tracking

COMMANDS = (
    (0.8, 0.0, 0.0), (0.4, 0.0, 0.0), (-0.6, 0.0, 0.0), (0.0, 0.4, 0.0), (0.0, 0.0, 0.8), (0.6, 0.2, 0.5),
    (0.0, 0.0, 0.0),
)  # fmt: skip
"""vx, vy [m/s], yaw rate [rad/s] of the tracking table."""
SPEEDS = (0.5, 1.0, 1.5)
"""Kicks of the push table [m/s]."""
WALK = (0.8, 0.0, 0.0)


def measure(policy: Policy, task: VelocityTask, trials: int, seed: int) -> dict[str, Any]:
    """Measure a policy on its own task.

    Tracking is measured on the nominal robot and on randomised ones, both with sensor noise and action delay as in
    training; pushes on randomised robots that walk at 0.8 m/s, and that stand.
    """
    random = task.randomization or ModelRandomization()
    config = replace(task.cfg, reset=replace(task.cfg.reset, velocity=0.0))

    def track(command: tuple[float, float, float], randomization: ModelRandomization | None) -> dict[str, Any]:
        result = tracking(
            policy, task.robot, config, command,
            randomization=randomization, trials=trials, seed=seed,
        )  # fmt: skip
        return {key: None if value != value else value for key, value in asdict(result).items()}

    def push(command: tuple[float, float, float], speed: float) -> dict[str, Any]:
        return asdict(
            pushes(policy, task.robot, config, command, speed, randomization=random, trials=trials, seed=seed)
        )

    return {
        "trials": trials,
        "seed": seed,
        "randomization": asdict(random),
        "tracking_nominal": [track(command, None) for command in COMMANDS],
        "tracking_randomized": [track(WALK, random)],
        "pushes": [push(command, speed) for command in (WALK, (0.0, 0.0, 0.0)) for speed in SPEEDS],
    }


def table(measured: dict[str, Any]) -> str:
    """The measurements as two Markdown tables."""
    lines = [
        "| command (m/s, m/s, rad/s) | robots | velocity rms (m/s) | mean error (m/s) | yaw rms (rad/s) | falls |"
        " peak torque | swing share | steps/s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in ("nominal", "randomized"):
        for row in measured[f"tracking_{kind}"]:
            lines.append(
                f"| {_command(row['command'])} | {kind} | {_figure(row['linear_rms'], 3)} |"
                f" {_figure(row['mean_error'], 3)} | {_figure(row['yaw_rms'], 3)} |"
                f" {row['falls']}/{row['trials']} | {row['torque']:.0%} of limit |"
                f" {_figure(row['swing_share'], 2)} | {_figure(row['step_rate'], 1)} |"
            )
    lines += ["", "| push (m/s) | command | survived | 95 % interval |", "|---|---|---|---|"]
    for row in measured["pushes"]:
        low, high = row["interval"]
        lines.append(
            f"| {row['speed']:.1f} | {_command(row['command'])} | {row['survived']}/{row['trials']} |"
            f" {low:.1%} to {high:.1%} |"
        )
    return "\n".join(lines)


def _figure(value: float | None, digits: int) -> str:
    """A number, or a dash where every robot fell before anything could be measured."""
    return "-" if value is None else f"{value:.{digits}f}"


def _command(command: tuple[float, float, float]) -> str:
    return ", ".join(f"{value:g}" for value in command)
