import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.safety.backup import JerkLimitedStop
from policy_nodes.safety.config import JointLimit
from policy_nodes.safety.limits import (
    JointLimiter,
    Limits,
    Motion,
    carry,
    position_dependent_velocity,
    ros2_control_window,
    viable,
)


def joint(**changes: object) -> JointLimit:
    values = {"name": "j", "position_min": -1, "position_max": 1, "velocity": 1, "acceleration": 5, "jerk": 100}
    return JointLimit.model_validate({**values, **changes})


@pytest.mark.parametrize(
    ("previous", "speed", "low", "high"),
    [(0.0, 0.0, -0.0005, 0.0005), (0.0, 0.5, -0.0055, 0.0055), (0.995, 0.9, 0.9855, 1.0), (0.0, 2.0, -0.01, 0.01)],
)
def test_ros2_control_vectors(previous: float, speed: float, low: float, high: float) -> None:
    window = ros2_control_window(np.array([previous]), np.array([speed]), Limits.of([joint()], 0.01))
    np.testing.assert_allclose(np.ravel(window), [low, high], atol=1e-12)


def test_libfranka_vectors() -> None:
    position = np.array([2.0, 2.5, 2.7, 2.74, 2.75])
    low, high = np.full(5, -2.7501), np.full(5, 2.7501)
    _, upper = position_dependent_velocity(position, low, high, np.full(5, 2.62), np.full(5, 12.0), np.full(5, 0.3))
    np.testing.assert_allclose(upper, [2.619, 1.4314, 0.4744, 0.0471, -0.001], atol=5e-5)
    one = [np.array([value]) for value in (2.0, 0.54092, 4.5205, 4.18, 11.0, 0.35)]
    np.testing.assert_allclose(np.ravel(position_dependent_velocity(*one)), [-3.6552, 4.179], atol=5e-5)


def test_velocity_without_gain_is_the_plain_limit() -> None:
    one = [np.array([value]) for value in (0.99, -1.0, 1.0, 2.0, np.inf, 0.0)]
    np.testing.assert_allclose(np.ravel(position_dependent_velocity(*one)), [-1.999, 1.999])


def test_position_dependent_velocity_slows_the_approach() -> None:
    limiter = JointLimiter([joint(velocity_gain=2.0, velocity_offset=0.1)], 0.01)
    motion = Motion.rest(np.zeros(1))
    for _ in range(400):
        allowed = max(-0.1 + np.sqrt(2.0 * (1.0 - motion.position[0])), 0.0)
        motion = motion.then(limiter.next(motion, np.array([1.0])), 0.01)
        assert motion.velocity[0] <= max(min(1.0, allowed), 0.0) + 1e-9
    assert motion.position[0] > 0.98


def test_admissible_target_passes_unchanged() -> None:
    limiter, motion = JointLimiter([joint()], 0.01), Motion.rest(np.zeros(1))
    for k in range(1, 300):
        t = 0.01 * k
        wanted = np.array([0.2 * (1 - np.cos(2 * t)) * t / 3.0])
        earlier = t - 0.01
        before = 0.2 * (1 - np.cos(2 * earlier)) * earlier / 3.0
        command = limiter.next(motion, wanted, (wanted - before) / 0.01)
        assert command[0] == wanted[0]
        motion = motion.then(command, 0.01)


@pytest.mark.parametrize("dt", [0.002, 0.01, 0.02])
@pytest.mark.parametrize("jerk", [40.0, 100.0, 2000.0])
def test_step_is_reached_without_overshoot(dt: float, jerk: float) -> None:
    limiter, motion = JointLimiter([joint(jerk=jerk)], dt), Motion.rest(np.zeros(1))
    path = []
    for _ in range(round(1.5 / dt)):
        motion = motion.then(limiter.next(motion, np.array([0.5])), dt)
        path.append(motion.position[0])
    assert max(path) <= 0.5 + 1e-6
    assert path[-1] == pytest.approx(0.5, abs=1e-9)
    assert path[round(0.95 / dt)] > 0.499  # 0.5 s cruise, 0.2 s braking ramps and at most 0.125 s per jerk phase


def test_seam_between_chunks_is_blended() -> None:
    limiter, motion, speed = JointLimiter([joint()], 0.01), Motion.rest(np.zeros(1)), 0.4
    errors = []
    for k in range(200):
        target = speed * 0.01 * k + (0.03 if k > 100 else 0.0)
        motion = motion.then(limiter.next(motion, np.array([target]), np.array([speed])), 0.01)
        errors.append(motion.position[0] - target)
    assert abs(errors[100]) < 1e-9
    assert -0.0301 < errors[101] < -0.02
    assert max(errors[101:]) < 1e-3
    assert abs(errors[140]) < 1e-6


def test_wanted_must_be_finite_and_of_the_right_size() -> None:
    limiter, motion = JointLimiter([joint()], 0.01), Motion.rest(np.zeros(1))
    for wanted in (np.array([np.nan]), np.array([np.inf]), np.zeros(2)):
        with pytest.raises(ValueError, match="finite"):
            limiter.next(motion, wanted)


def test_a_start_outside_the_limits_returns_and_goes_no_further() -> None:
    limiter, motion = JointLimiter([joint()], 0.01), Motion.rest(np.array([1.01]))
    assert limiter.next(motion, np.array([1.2]))[0] == 1.01
    for _ in range(100):
        motion = motion.then(limiter.next(motion, np.array([0.9])), 0.01)
        assert motion.position[0] <= 1.01
    assert motion.position[0] == pytest.approx(0.9)


def _fuzz(n: int, ticks: int, dt: float, limit_jerk: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = -rng.uniform(0.01, 3, n), rng.uniform(0.01, 3, n)
    velocity, acceleration = rng.uniform(0.1, 5, n), rng.uniform(0.5, 30, n)
    jerk = acceleration * np.exp(rng.uniform(0, 6, n))
    rows = zip(low, high, velocity, acceleration, jerk, strict=True)
    joints = [
        joint(name=f"j{i}", position_min=a, position_max=b, velocity=v, acceleration=c, jerk=j)
        for i, (a, b, v, c, j) in enumerate(rows)
    ]
    limiter, motion, wanted = JointLimiter(joints, dt, limit_jerk), Motion.rest(np.zeros(n)), np.zeros(n)
    for k in range(ticks):
        if k % 3 == 0:
            wanted = rng.uniform(-4, 4, n)
        elif k % 3 == 1:  # long pushes against both limits
            wanted = np.where(rng.random(n) < 0.02, rng.choice([-10.0, 10.0], n), wanted)
        else:
            wanted = motion.position + rng.normal(size=n) * rng.choice([1e-3, 1e-2, 1e-1], n)
        if k // 200 % 2:
            wanted = np.where(np.arange(n) % 2, high, low) * 2
        after = motion.then(limiter.next(motion, wanted, None if k % 2 else rng.normal(size=n) * 3), dt)
        assert np.all((after.position >= low) & (after.position <= high))
        assert np.all(np.abs(after.velocity) <= velocity * (1 + 1e-6))
        assert np.all(np.abs(after.acceleration) <= acceleration * (1 + 1e-6))
        if limit_jerk:
            assert np.all(np.abs(after.acceleration - motion.acceleration) / dt <= jerk * (1 + 1e-5))
        motion = after
    assert np.all(viable(motion, limiter.limits, low, high))


@pytest.mark.parametrize(("dt", "limit_jerk"), [(0.01, True), (0.01, False), (0.02, True), (0.002, False)])
def test_fuzz_never_leaves_the_limits(dt: float, limit_jerk: bool) -> None:
    # 4 x 25 000 commands; test_limits_fuzz.py sends more, and benchmarks/fuzz_limits.py a million.
    _fuzz(n=50, ticks=500, dt=dt, limit_jerk=limit_jerk, seed=1)


@settings(max_examples=30, deadline=None)
@given(
    targets=st.lists(st.floats(-20, 20), min_size=5, max_size=60),
    jerk=st.floats(5, 5000),
    dt=st.sampled_from([0.002, 0.01, 0.02]),
    limit_jerk=st.booleans(),
)
def test_any_sequence_can_be_stopped_at_any_time(
    targets: list[float], jerk: float, dt: float, limit_jerk: bool
) -> None:
    limiter = JointLimiter([joint(jerk=jerk, velocity=2.0)], dt, limit_jerk)
    motion = Motion.rest(np.zeros(1))
    for target in targets:
        motion = motion.then(limiter.next(motion, np.array([target])), dt)
    stop = JerkLimitedStop(limiter.limits)
    assert stop.admissible(motion.position, motion.velocity, motion.acceleration)
    stop.start(0, motion.position, motion.velocity, motion.acceleration)
    for now in range(1, 100_000):
        after = motion.then(stop.command(now), dt)
        assert abs(after.position[0]) <= 1.0
        assert abs(after.velocity[0]) <= 2.0 * (1 + 1e-6)
        assert abs(after.acceleration[0]) <= 5.0 * (1 + 1e-6)
        assert abs(after.acceleration[0] - motion.acceleration[0]) / dt <= jerk * (1 + 1e-5)
        motion = after
        if stop.finished(now):
            return
    raise AssertionError("the stop did not end")


def test_carry_is_symmetric_and_bounded_by_the_cheap_chord() -> None:
    limits = Limits.of([joint(), joint(name="k", jerk=1000)], 0.01)
    rng = np.random.default_rng(3)
    velocity, acceleration = rng.uniform(-1, 1, (500, 2)), rng.uniform(-5, 5, (500, 2))
    up, down = carry(velocity, acceleration, limits)
    np.testing.assert_array_equal(carry(-velocity, -acceleration, limits), [down, up])
    rest = carry(np.zeros(2), limits.acceleration, limits)[0]
    full = carry(limits.velocity, limits.acceleration, limits)[0]
    assert np.all(up <= rest + (full - rest) * np.maximum(velocity, 0) + 1e-12)
