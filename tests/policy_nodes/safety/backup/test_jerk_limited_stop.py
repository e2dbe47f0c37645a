from itertools import pairwise

import numpy as np
import pytest

from policy_nodes.safety.backup import JerkLimitedStop
from policy_nodes.safety.config import JointLimit
from policy_nodes.safety.limits import Limits, Motion, viable


def _limits(n: int, dt: float, seed: int) -> Limits:
    rng = np.random.default_rng(seed)
    acceleration = rng.uniform(0.5, 30, n)
    values = zip(
        -rng.uniform(0.01, 3, n),
        rng.uniform(0.01, 3, n),
        rng.uniform(0.1, 5, n),
        acceleration,
        acceleration * np.exp(rng.uniform(0, 6, n)),
        strict=True,
    )
    keys = ("position_min", "position_max", "velocity", "acceleration", "jerk")
    rows = [dict(zip(keys, row, strict=True)) for row in values]
    return Limits.of([JointLimit.model_validate({"name": f"j{i}", **row}) for i, row in enumerate(rows)], dt)


def _stop(limits: Limits, motion: Motion) -> list[Motion]:
    backup = JerkLimitedStop(limits)
    backup.start(0, motion.position, motion.velocity, motion.acceleration)
    path = [motion]
    for now in range(1, 50_000):
        path.append(path[-1].then(backup.command(now), limits.dt))
        if backup.finished(now):
            return path
    raise AssertionError("the stop did not end")


@pytest.mark.parametrize("dt", [0.002, 0.01, 0.02])
def test_proof_over_random_and_worst_case_starts(dt: float) -> None:
    n = 2000
    limits = _limits(n, dt, seed=7)
    rng = np.random.default_rng(8)
    velocity = rng.uniform(-1, 1, n) * limits.velocity
    acceleration = rng.uniform(-1, 1, n) * limits.acceleration
    velocity[:200], acceleration[:200] = limits.velocity[:200], 0.0  # full speed
    acceleration[200:400] = np.copysign(limits.acceleration, velocity)[200:400]  # still accelerating fully
    start = Motion(rng.uniform(limits.low, limits.high), velocity, acceleration)
    ok = viable(start, limits, limits.low, limits.high)
    assert 0.3 * n < ok.sum() < n
    path = _stop(limits, start)
    for before, after in pairwise(path):
        assert np.all((after.position >= limits.low) & (after.position <= limits.high))
        assert np.all(np.abs(after.velocity)[ok] <= limits.velocity[ok] * (1 + 1e-6))
        assert np.all(np.abs(after.acceleration)[ok] <= limits.acceleration[ok] * (1 + 1e-6))
        jerk = np.abs(after.acceleration - before.acceleration) / dt
        assert np.all(jerk[ok] <= limits.jerk[ok] * (1 + 1e-5))
    final = path[-1]
    assert np.abs(final.velocity).max() < 1e-9
    # At rest means at rest: later commands do not move.
    backup = JerkLimitedStop(limits)
    backup.start(0, final.position, np.zeros(n), np.zeros(n))
    np.testing.assert_array_equal(backup.command(1), final.position)


def test_stop_just_inside_the_limit_uses_all_of_it() -> None:
    limit = JointLimit(name="j", position_min=-5, position_max=5, velocity=2, acceleration=10, jerk=200)
    limits = Limits.of([limit], 0.01)
    free = _stop(limits, Motion(np.zeros(1), np.array([2.0]), np.zeros(1)))
    distance = free[-1].position[0]
    # In units of j dt^3 = 2e-4 rad the speeds are 99 97 94 90, then 85 80 ... 10 (sum 760), then 6 3 1 0: 1150 in all.
    assert distance == pytest.approx(1150 * 2e-4, abs=1e-12)
    tight = Limits.of([limit.model_copy(update={"position_max": distance + 1e-9})], 0.01)
    assert JerkLimitedStop(tight).admissible(np.zeros(1), np.array([2.0]), np.zeros(1))
    tighter = Limits.of([limit.model_copy(update={"position_max": distance - 1e-4})], 0.01)
    assert not JerkLimitedStop(tighter).admissible(np.zeros(1), np.array([2.0]), np.zeros(1))


def test_never_reverses_from_a_steady_motion() -> None:
    limits = _limits(200, 0.01, seed=3)
    wide = Limits(
        0.01,
        limits.low - 50,
        limits.high + 50,
        limits.velocity,
        limits.acceleration,
        limits.jerk,
        limits.jerk,
        limits.jerk,
    )
    path = _stop(wide, Motion(np.zeros(200), limits.velocity.copy(), np.zeros(200)))
    assert min(float(motion.velocity.min()) for motion in path) >= -1e-9


def test_inadmissible_start_gives_up_jerk_but_not_the_position_limit() -> None:
    limit = JointLimit(name="j", position_min=-1, position_max=1, velocity=2, acceleration=10, jerk=50)
    limits = Limits.of([limit], 0.01)
    start = Motion(np.array([0.78]), np.array([2.0]), np.array([5.0]))
    assert not JerkLimitedStop(limits).admissible(start.position, start.velocity, start.acceleration)
    path = _stop(limits, start)
    assert max(motion.position[0] for motion in path) <= 1.0
    assert path[1].acceleration[0] == pytest.approx(-10.0)


def test_one_step_per_period_whatever_the_clock_says() -> None:
    limits = _limits(1, 0.01, seed=1)
    backup = JerkLimitedStop(limits)
    backup.start(0, np.zeros(1), limits.velocity * 0.5, np.zeros(1))
    first = backup.command(10)
    assert backup.command(10) is first
    late = backup.command(10_000_000_000)
    assert 0 < late[0] - first[0] <= limits.velocity[0] * 0.5 * 0.01
    assert backup.command(5)[0] > late[0]  # the clock stepped back: the stop goes on
