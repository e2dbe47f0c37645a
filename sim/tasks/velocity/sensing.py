"""What the actor's sensors add to the truth: a bias per episode, a delay per episode, and noise.

Only what is measured is touched (angular velocity, gravity, joints); command and previous action are the policy's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.tasks.velocity import observations
from sim.tasks.velocity.config import VelocityConfig


class Sensing:
    """The sensors of N robots with J joints.

    Args:
        config: ``noise``, ``bias`` and ``observation_delay`` of the task, and its scales.
        joints: J.
    """

    def __init__(self, config: VelocityConfig, joints: int) -> None:
        self._delay = config.observation_delay
        self._noise = None if config.noise is None else observations.noise_vector(config.noise, config.scales, joints)
        offsets = observations.noise_vector(config.bias, config.scales, joints)
        self._bias = offsets if offsets.any() else None
        self._width = observations.actor_size(joints)
        self._measured = np.zeros(self._width, dtype=bool)
        self._measured[0:6] = self._measured[9 : 9 + 2 * joints] = True

    def memory(self, count: int) -> dict[str, NDArray[Any]]:
        """``bias`` (N, d), in scaled units, ``late`` (N,) control steps, and the last true vectors, newest first."""
        if self._bias is None and not self._delay:
            return {}
        return {
            "bias": np.zeros((count, self._width), dtype=np.float32),
            "late": np.zeros(count, dtype=np.int64),
            "seen": np.zeros((count, self._delay + 1, self._width), dtype=np.float32),
            "fresh": np.ones(count, dtype=bool),
        }

    def reset(self, memory: dict[str, NDArray[Any]], ids: NDArray[np.int64], rng: np.random.Generator) -> None:
        """New bias and delay for the worlds ``ids``."""
        if "bias" not in memory:
            return
        if self._bias is not None:
            memory["bias"][ids] = self._bias * rng.uniform(-1.0, 1.0, size=(len(ids), self._width))
        memory["late"][ids] = rng.integers(0, self._delay + 1, size=len(ids))
        memory["fresh"][ids] = True

    def advance(self, memory: dict[str, NDArray[Any]]) -> None:
        """A control step has passed: what was newest is one step old. Call before the next :meth:`measure`."""
        if self._delay and "seen" in memory:
            memory["seen"][:, 1:] = memory["seen"][:, :-1].copy()
            memory["fresh"][:] = False

    def measure(
        self, true: NDArray[np.float32], memory: dict[str, NDArray[Any]], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """The actor's vectors (K, d) for the true ones (K, d)."""
        actor = true.copy()
        if "bias" in memory:
            seen, fresh = memory["seen"], memory["fresh"]
            seen[:, 0] = true
            seen[fresh] = true[fresh, None]
            late = seen[np.arange(len(true)), memory["late"]]
            actor[:, self._measured] = late[:, self._measured]
            actor += memory["bias"]
        if self._noise is not None:
            observations.add_noise(actor, self._noise, rng)
        return actor
