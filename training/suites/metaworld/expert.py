"""MetaWorld's scripted experts as demonstrators: their displacement becomes the position target that it leads to."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.tasks.pick_place.noise import CorrelatedNoise
from training.suites.metaworld.world import CONTROL_DT, GRIPPER_RANGE, REACH, MetaWorldWorld

NOISE_TIME_S = 0.15
"""Correlation time of the injected noise."""


class MetaWorldExpert:
    """The package's own policy for the task of the present episode.

    Args:
        noise: stationary standard deviation of the perturbation of the hand's target (m), per axis.
        seed: of the perturbation.
    """

    def __init__(self, noise: float = 0.0, seed: int = 0) -> None:
        self.noise = noise
        self._rng = np.random.default_rng(seed)
        self._policies: dict[str, Any] = {}
        self._done = False

    @property
    def done(self) -> bool:
        """MetaWorld's criterion was met before the last ``act``."""
        return self._done

    def reset(self, world: MetaWorldWorld, seed: int | None = None) -> None:
        """Start from the present state of a world."""
        from metaworld.policies import ENV_POLICY_MAP

        if seed is not None:
            self._rng = np.random.default_rng(seed)
        if world.name not in self._policies:
            self._policies[world.name] = ENV_POLICY_MAP[world.name]()
        self._policy = self._policies[world.name]
        self._noise = CorrelatedNoise(3, self.noise, NOISE_TIME_S, CONTROL_DT)
        self._offset = np.zeros(3)
        self._done = False

    def act(self, world: MetaWorldWorld) -> NDArray[np.float64]:
        """Command (4,): hand position target and finger target (m)."""
        self._done = world.success()
        with warnings.catch_warnings():  # it warns of every displacement that the environment clips
            warnings.simplefilter("ignore")
            action = np.clip(self._policy.get_action(world.observation), -1.0, 1.0).astype(np.float64)
        environment = world.environment
        target = np.clip(world.hand_target() + REACH * action[:3], environment.mocap_low, environment.mocap_high)
        return np.append(target, GRIPPER_RANGE * action[3])

    def perturb(self, command: NDArray[np.float64]) -> NDArray[np.float64]:
        """The command (4,) to execute: noise on the hand's target, the gripper as it was wanted.

        The expert commands from where the hand's target is, so only the change of the noise is added: otherwise it
        would add up.
        """
        executed = np.array(command, dtype=np.float64)
        if self.noise > 0.0:
            previous, self._offset = self._offset, self._noise.sample(self._rng)
            executed[:3] += self._offset - previous
        return executed
