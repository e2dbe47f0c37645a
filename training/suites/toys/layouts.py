"""The multimodal toys: where a point robot starts, where it may end, and what stands in its way.

``corridors``: a disc lies between start and goal, and demonstrations pass it on either side; their mean runs into it.
``targets``: four targets, each as good as the others; their mean is the middle. ``goals``: the same four, of which the
observation says one, to compare policies with and without the goal (classifier-free guidance).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.suites.errors import SuiteError

Vector = NDArray[np.float64]
RADIUS = 0.08
"""Distance from a target at which it is reached (m)."""
OBSTACLE = 0.35
"""Radius of the disc at the origin (m)."""
CORNERS = {"right_up": (1.0, 1.0), "left_up": (-1.0, 1.0), "left_down": (-1.0, -1.0), "right_down": (1.0, -1.0)}


@dataclass(frozen=True)
class Start:
    """How an episode begins.

    Attributes:
        position: (2,) of the robot (m).
        goal: (2,) that is observed (m).
        targets: mode -> (2,) where the robot may end (m).
    """

    position: Vector
    goal: Vector
    targets: dict[str, Vector]


@dataclass(frozen=True)
class Layout:
    """One toy.

    Attributes:
        instruction: in words.
        modes: the ways of doing it.
        place: draws an episode.
        obstacle: radius of the disc at the origin, 0 for none (m).
    """

    instruction: str
    modes: tuple[str, ...]
    place: Callable[[np.random.Generator], Start]
    obstacle: float = 0.0


def _corridors(rng: np.random.Generator) -> Start:
    goal = np.array([rng.uniform(-0.15, 0.15), 0.8])
    return Start(np.array([rng.uniform(-0.15, 0.15), -0.8]), goal, {"goal": goal})


def _four(rng: np.random.Generator) -> tuple[Vector, float, dict[str, Vector]]:
    scale = rng.uniform(0.5, 0.9)
    targets = {name: scale * np.array(corner) for name, corner in CORNERS.items()}
    return rng.uniform(-0.05, 0.05, 2), scale, targets


def _targets(rng: np.random.Generator) -> Start:
    position, scale, targets = _four(rng)
    return Start(position, np.full(2, scale), targets)


def _goals(rng: np.random.Generator) -> Start:
    position, _, targets = _four(rng)
    name = list(targets)[int(rng.integers(len(targets)))]
    return Start(position, targets[name], {name: targets[name]})


LAYOUTS: dict[str, Layout] = {
    "corridors": Layout("Go round the disc to the goal.", ("left", "right"), _corridors, OBSTACLE),
    "targets": Layout("Go to any of the four targets.", tuple(CORNERS), _targets),
    "goals": Layout("Go to the goal.", tuple(CORNERS), _goals),
}


def layout(name: str) -> Layout:
    """The toy of a name.

    Raises:
        SuiteError: there is none.
    """
    if name not in LAYOUTS:
        raise SuiteError(f"unknown toy '{name}'.", f"use {', '.join(LAYOUTS)}.")
    return LAYOUTS[name]
