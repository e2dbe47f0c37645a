from itertools import pairwise

import numpy as np
import pytest

from policy_nodes.safety.backup import DampedStop, JerkLimitedStop
from policy_nodes.safety.limits import Limits, Motion, viable
from tests.policy_nodes.safety.arms import limits
from tests.policy_nodes.safety.backup.test_jerk_limited_stop import _limits


def run(lim: Limits, motion: Motion, damping_s: float) -> list[Motion]:
    backup = DampedStop(lim, damping_s)
    backup.start(0, motion.position, motion.velocity, motion.acceleration)
    path = [motion]
    for now in range(1, 50_000):
        path.append(path[-1].then(backup.command(now), lim.dt))
        if backup.finished(now):
            return path
    raise AssertionError("the stop did not end")


@pytest.mark.parametrize(("dt", "damping_s"), [(0.002, 0.1), (0.01, 0.15), (0.02, 2.0)])
def test_proof_over_random_and_worst_case_starts(dt: float, damping_s: float) -> None:
    n = 800
    lim = _limits(n, dt, seed=11)
    rng = np.random.default_rng(12)
    velocity = rng.uniform(-1, 1, n) * lim.velocity
    acceleration = rng.uniform(-1, 1, n) * lim.acceleration
    velocity[:100], acceleration[:100] = lim.velocity[:100], 0.0  # full speed
    acceleration[100:200] = np.copysign(lim.acceleration, velocity)[100:200]  # still accelerating fully
    start = Motion(rng.uniform(lim.low, lim.high), velocity, acceleration)
    ok = viable(start, lim, lim.low, lim.high)
    assert 0.3 * n < ok.sum() < n
    chosen = Limits(
        dt, *(getattr(lim, name)[ok] for name in ("low", "high", "velocity", "acceleration", "jerk")), *([lim.jerk] * 2)
    )
    start = Motion(start.position[ok], start.velocity[ok], start.acceleration[ok])
    assert DampedStop(chosen, damping_s).admissible(start.position, start.velocity, start.acceleration)
    path = run(chosen, start, damping_s)
    for before, after in pairwise(path):
        assert np.all((after.position >= chosen.low) & (after.position <= chosen.high))
        assert np.all(np.abs(after.velocity) <= chosen.velocity * (1 + 1e-6))
        assert np.all(np.abs(after.acceleration) <= chosen.acceleration * (1 + 1e-6))
        assert np.all(np.abs(after.acceleration - before.acceleration) / dt <= chosen.jerk * (1 + 1e-5))
    assert np.abs(path[-1].velocity).max() == 0.0


def test_decays_exponentially_and_softer_than_the_stop() -> None:
    lim = limits(["a"], dt=0.002)
    path = run(lim, Motion(np.zeros(1), np.array([0.5]), np.zeros(1)), 0.2)
    # One time constant after the brake has been applied the speed has fallen by about e.
    steps = [float(motion.velocity[0]) for motion in path]
    np.testing.assert_allclose(steps[110] / steps[10], np.exp(-1.0), rtol=0.02)
    fast = [abs(float(motion.acceleration[0])) for motion in path if motion.velocity[0] > 0.02]
    assert max(fast) < 0.5 / 0.2 * 1.1
    assert 0.09 < path[-1].position[0] < 0.11  # v tau
    stop = JerkLimitedStop(lim)
    stop.start(0, np.zeros(1), np.array([0.5]), np.zeros(1))
    for now in range(1, 200):
        last = stop.command(now)
    assert last[0] < 0.3 * path[-1].position[0]


def test_before_a_limit_it_brakes_harder() -> None:
    lim = limits(["a"])
    start = Motion(np.array([2.75]), np.array([0.5]), np.zeros(1))
    path = run(lim, start, 1.0)
    assert 2.75 < path[-1].position[0] <= 2.8


def test_inadmissible_where_the_stop_does_not_fit() -> None:
    lim = limits(["a"])
    backup = DampedStop(lim, 0.1)
    assert not backup.admissible(np.array([2.79]), np.array([2.0]), np.zeros(1))
    backup.start(0, np.array([1.0]), np.array([0.4]), np.zeros(1))
    first = backup.command(10)
    assert backup.command(10) is first
    assert backup.command(5)[0] > first[0]
