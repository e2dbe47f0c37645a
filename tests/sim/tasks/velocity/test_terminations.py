"""Each reason to end an episode on its own."""

from __future__ import annotations

import numpy as np

from sim.tasks.velocity.terminations import base_touches, tipped_over, too_low


def test_base_contact() -> None:
    assert base_touches(np.array([0.0, 0.9, 1.1]), 1.0).tolist() == [False, False, True]


def test_tilt() -> None:
    angles = np.array([0.0, 1.1, 1.3, 3.0])
    gravity = np.stack([np.sin(angles), np.zeros(4), -np.cos(angles)], axis=1)
    assert tipped_over(gravity, 1.2).tolist() == [False, False, True, True]


def test_height() -> None:
    assert too_low(np.array([0.3, 0.09]), 0.1).tolist() == [False, True]
