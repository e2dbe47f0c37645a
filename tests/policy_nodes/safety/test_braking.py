import numpy as np
import pytest

from policy_nodes.safety.braking import brake_step, ramp_sum, stop_excursion, stop_step


def test_ramp_sum_by_hand() -> None:
    # 3.5 -> 2.5 + 1.5 + 0.5; 3 -> 2 + 1 + 0; below one nothing is left to ramp.
    np.testing.assert_allclose(ramp_sum(np.array([3.5, 3.0, 0.7, 0.0])), [4.5, 3.0, 0.0, 0.0])


def test_brake_step_by_hand() -> None:
    # 2 + 1 = 3 exactly; 2.5 + 1.5 + 0.5 = 4.5; within one period only the distance itself can be moved.
    np.testing.assert_allclose(brake_step(np.array([3.0, 4.5, 0.25, 0.0])), [2.0, 2.5, 0.25, 0.0])


def test_brake_step_uses_the_whole_distance() -> None:
    distance = np.linspace(0.0, 500.0, 2001)
    speed = brake_step(distance)
    np.testing.assert_allclose(speed + ramp_sum(speed), distance, atol=1e-9)


def test_brake_step_approaches_the_square_root_law() -> None:
    distance = np.array([1e6])
    np.testing.assert_allclose(brake_step(distance), np.sqrt(2.0 * distance), rtol=1e-3)


def _simulate(v: np.ndarray, a: np.ndarray, limit: np.ndarray) -> tuple[np.ndarray, int]:
    q = np.zeros_like(v)
    highest = np.zeros_like(v)
    for steps in range(100_000):
        if np.all((np.abs(v) < 1e-9) & (np.abs(a) < 1e-9)):
            return highest, steps
        following = stop_step(v, a, limit)
        assert np.all(np.abs(following - a) <= 1.0 + 1e-12)
        assert np.all(np.abs(following) <= limit + 1e-12)
        a = following
        v = v + a
        v[np.abs(v) < 1e-11] = 0.0
        q = q + v
        highest = np.maximum(highest, q)
    raise AssertionError("the stop did not end")


@pytest.fixture(scope="module")
def starts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    limit = np.exp(rng.uniform(np.log(0.05), np.log(15), 20_000))
    acceleration = rng.uniform(-1, 1, limit.size) * limit
    velocity = rng.normal(size=limit.size) * np.exp(rng.uniform(-3, 4, limit.size))
    velocity[:500], acceleration[:500] = np.round(velocity[:500]), np.trunc(acceleration[:500])
    return velocity, acceleration, limit


def test_closed_form_excursion_equals_simulation(starts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    velocity, acceleration, limit = starts
    highest, _ = _simulate(velocity.copy(), acceleration.copy(), limit)
    closed = stop_excursion(velocity, acceleration, limit)
    brakes_too_hard = (velocity > 0) & (acceleration < -1 - brake_step(np.maximum(velocity, 0)))
    np.testing.assert_allclose(closed[~brakes_too_hard], highest[~brakes_too_hard], rtol=1e-9, atol=1e-9)
    assert brakes_too_hard.sum() > 100
    assert np.all(closed[brakes_too_hard] >= highest[brakes_too_hard] - 1e-9)


def test_excursion_grows_with_velocity_and_acceleration(starts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    velocity, acceleration, limit = starts
    base = stop_excursion(velocity, acceleration, limit)
    assert np.all(stop_excursion(velocity + 0.1, acceleration, limit) >= base)
    assert np.all(stop_excursion(velocity, np.minimum(acceleration + 0.1, limit), limit) >= base)


def test_stop_from_full_speed_takes_the_minimal_time() -> None:
    # V = 9 with |A| <= 3: ramp 1, 2, 3, release 2, 1 sums to 9; five periods, then one to release to zero.
    highest, steps = _simulate(np.array([9.0]), np.array([0.0]), np.array([3.0]))
    assert steps == 6
    assert highest[0] == pytest.approx(8 + 6 + 3 + 1 + 0)


def test_no_reversal_from_a_state_that_can_be_released() -> None:
    v, a, limit = np.array([7.3]), np.array([-1.2]), np.array([2.5])
    for _ in range(40):
        a = stop_step(v, a, limit)
        v = v + a
        assert v[0] >= -1e-12
