"""One demonstration: the expert drives the world, the clean command is the label, a perturbed one is executed.

Injecting noise while recording the expert's correction is DART (Laskey et al., "DART: Noise Injection for Robust
Imitation Learning", arXiv 1703.09327): the policy sees how to come back from where its own errors will bring it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.contracts.registry import task_contract
from training.demonstrations.takeover import drive
from training.simulation import read_features
from training.suites.interface import Expert, TaskWorld

DISPLACE_PROBABILITY = 0.1
"""Share of noisy episodes that the contract's ``disturb`` disturbs once, to show recovery."""


@dataclass(frozen=True)
class Demonstration:
    """One recorded episode.

    Attributes:
        seed: seed of the world.
        success: the task was done within the time limit.
        frames: feature -> (T, size) float32, including ``action``; empty where the expert had nothing left to do.
        instruction: what was to be done, in words.
    """

    seed: int
    success: bool
    frames: dict[str, NDArray[np.float32]]
    instruction: str = ""


def demonstrate(
    task: str,
    seed: int,
    noise: float,
    max_seconds: float | None = None,
    settle_steps: int = 10,
    policy: Path | None = None,
) -> Demonstration:
    """Record one episode of a task's scripted expert.

    Args:
        task: contract name.
        seed: seed of world, noise and disturbance.
        noise: standard deviation of the injected command noise (rad or m).
        max_seconds: an episode that takes longer has failed; None takes the contract's limit.
        settle_steps: control steps recorded after the expert is done, so that the policy learns to rest.
        policy: bundle that drives first; the expert takes over, and its part is recorded (see ``takeover``).
    """
    contract = task_contract(task)
    world, expert = _actors(task)
    rng = np.random.default_rng([seed, 1])
    instruction = contract.variants.get(contract.variant(seed), contract.instruction)
    if policy is None:
        world.reset(seed)
    elif not drive(policy, contract, world, seed):
        return Demonstration(seed, False, {}, instruction)
    expert.noise = noise
    expert.reset(world, seed=seed)
    disturb_at = int(rng.integers(20, 80)) if noise > 0 and rng.random() < DISPLACE_PROBABILITY else -1
    limit = contract.demonstration_s if max_seconds is None else max_seconds
    observations: dict[str, list[NDArray[np.float32]]] = {feature.name: [] for feature in contract.observations}
    actions: list[NDArray[np.float64]] = []
    success, remaining = False, settle_steps
    for step in range(round(limit / world.control_dt)):
        if step == disturb_at and contract.disturb is not None:
            contract.disturb(world, rng)
        for name, value in read_features(world, contract.observations).items():
            observations[name].append(value)
        label = expert.act(world)
        actions.append(label)
        world.step(expert.perturb(label))
        success = success or (expert.done and world.success())
        remaining -= int(success)
        if success and remaining <= 0:
            break
    frames = {name: np.stack(values) for name, values in observations.items()}
    frames["action"] = np.stack(actions).astype(np.float32)
    return Demonstration(seed, success, frames, instruction)


_ACTORS: dict[str, tuple[TaskWorld, Expert]] = {}


def _actors(task: str) -> tuple[TaskWorld, Expert]:
    """World and expert of this process, built once: compiling the model takes longer than an episode."""
    if task not in _ACTORS:
        contract = task_contract(task)
        _ACTORS[task] = (contract.make_world(), contract.make_expert())
    return _ACTORS[task]
