"""Values come out as many steps later as asked, per world."""

from __future__ import annotations

import numpy as np
import pytest

from sim.actuators.delay import DelayLine, held_targets
from sim.randomization.ranges import RandomizationError


def test_each_world_has_its_own_delay() -> None:
    line = DelayLine(count=3, width=1, longest=2)
    line.delay[:] = [0, 1, 2]
    line.reset(np.arange(3), -1.0)
    out = [line.push(np.full((3, 1), float(step)))[:, 0].tolist() for step in range(4)]
    assert out == [[0, -1, -1], [1, 0, -1], [2, 1, 0], [3, 2, 1]]


def test_reset_fills_the_past_and_draws_delays() -> None:
    line = DelayLine(count=400, width=2, longest=3)
    line.reset(np.arange(400), 5.0, np.random.default_rng(0))
    assert set(line.delay.tolist()) == {0, 1, 2, 3}
    line.delay[:] = 3
    np.testing.assert_allclose(line.push(np.zeros((400, 2))), 5.0)
    line.reset(np.array([1]), 7.0)
    np.testing.assert_allclose(line.push(np.zeros((400, 2)))[:2], [[5.0, 5.0], [7.0, 7.0]])


def test_negative_delays_are_refused() -> None:
    with pytest.raises(RandomizationError, match="-1 steps"):
        DelayLine(1, 1, -1)


def test_held_targets() -> None:
    now, before = np.full((3, 1), 2.0), np.full((3, 1), 1.0)
    held = held_targets(now, before, np.array([0, 1, 4]), 4)
    assert held[:, :, 0].tolist() == [[2, 2, 2, 2], [1, 2, 2, 2], [1, 1, 1, 1]]
