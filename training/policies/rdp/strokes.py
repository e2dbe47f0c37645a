"""Demonstrations of wiping, cut into chunks: what the slow policy sees, what was commanded, what was felt meanwhile.

Actions are relative to the tool's height when the chunk begins. Reactive signals are the contact force and the tool's
displacement since then: both are measured at the control rate on any arm with a wrist sensor. Labels stay the expert's
while the executed command is perturbed (DART, arXiv 1703.09327), so that the data show how to recover.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.tasks.wiping.surface import AdmittanceExpert, SurfaceConfig, WipingSurface

Array = NDArray[np.float32]
Act = Callable[[WipingSurface, int], float]
"""(surface, control step) -> commanded height, m."""
OBSERVATION, REACTIVE, ACTION = 3, 2, 1
HEIGHT_SCALE = 0.01
"""Metres of height that count as one."""


@dataclass(frozen=True)
class Chunks:
    """N chunks of H steps.

    Attributes:
        observation: (N, 3) at the first step, see :func:`slow_observation`.
        action: (N, H, 1) commanded height minus the tool's height at the first step, m.
        reactive: (N, H, 2), see :func:`reactive_signal`.
    """

    observation: Tensor
    action: Tensor
    reactive: Tensor


def slow_observation(config: SurfaceConfig, force: float, before: float, moved: float) -> Array:
    """(3,): force error now and one step before, as shares of the demanded force, and the last movement."""
    demanded = config.demanded
    return np.array([force / demanded - 1.0, before / demanded - 1.0, moved / HEIGHT_SCALE], dtype=np.float32)


def reactive_signal(config: SurfaceConfig, force: float, displacement: float) -> Array:
    """(2,): force error as a share of the demanded force, and the tool's displacement since the plan was made."""
    return np.array([force / config.demanded - 1.0, displacement / HEIGHT_SCALE], dtype=np.float32)


def demonstrate(config: SurfaceConfig, strokes: int, steps: int, horizon: int, noise: float, seed: int) -> Chunks:
    """Chunks from every step of the expert's strokes.

    Args:
        config: of the surface.
        strokes: number of strokes, each on a surface of its own.
        steps: control steps of a stroke.
        horizon: H.
        noise: standard deviation of what is added to the executed commands, m.
        seed: of the first surface and of the noise.

    Raises:
        ValueError: strokes are shorter than a chunk.
    """
    if steps < horizon:
        raise ValueError(f"strokes of {steps} steps hold no chunk of {horizon}")
    expert, rng = AdmittanceExpert(config), np.random.default_rng(seed)
    observations, actions, reactive = [], [], []
    for number in range(strokes):
        surface = WipingSurface(config, seed + number)
        force, height, command = np.empty(steps), np.empty(steps), np.empty(steps)
        for step in range(steps):
            force[step], height[step] = surface.force, surface.z
            command[step] = expert.act(surface)
            surface.step(command[step] + rng.normal(0.0, noise))
        for start in range(1, steps - horizon + 1):
            window = slice(start, start + horizon)
            moved = height[start] - height[start - 1]
            observations.append(slow_observation(config, force[start], force[start - 1], moved))
            actions.append((command[window] - height[start])[:, None])
            pairs = zip(force[window], height[window] - height[start], strict=True)
            reactive.append(np.stack([reactive_signal(config, f, d) for f, d in pairs]))
    tensors = (torch.from_numpy(np.stack(part).astype(np.float32)) for part in (observations, actions, reactive))
    return Chunks(*tensors)


def stroke_forces(act: Act, config: SurfaceConfig, seed: int, steps: int) -> NDArray[np.float64]:
    """Contact forces (steps,), N, of one stroke under a controller."""
    surface, forces = WipingSurface(config, seed), np.empty(steps)
    for step in range(steps):
        surface.step(act(surface, step))
        forces[step] = surface.force
    return forces
