import numpy as np
import pytest

from policy_nodes.safety.config import JointLimit
from policy_nodes.safety.filter.reach import StopAndWanted, stop_bound
from policy_nodes.safety.limits import Limits, Motion, carry, stopping_acceleration


def some_limits(rng: np.random.Generator, dt: float) -> Limits:
    acceleration = 10 ** rng.uniform(-0.5, 1.5)
    values = {
        "name": "j",
        "position_min": -1.0,
        "position_max": 1.0,
        "velocity": 10 ** rng.uniform(-1, 0.7),
        "acceleration": acceleration,
        "jerk": acceleration * 10 ** rng.uniform(0.3, 3.5),
    }
    return Limits.of([JointLimit.model_validate(values)], dt)


@pytest.mark.parametrize("dt", [0.002, 0.01, 0.05])
def test_the_bound_is_never_below_the_exact_stop(dt: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        lim = some_limits(rng, dt)
        v = rng.uniform(-1, 1, (1000, 1)) * lim.velocity
        a = rng.uniform(-1, 1, (1000, 1)) * lim.acceleration
        assert np.all(stop_bound(v, a, lim) >= carry(v, a, lim) - 1e-12)


def test_at_moderate_speed_the_bound_is_tight() -> None:
    lim = some_limits(np.random.default_rng(1), 0.001)
    v = 0.8 * lim.velocity[None]
    exact = carry(v, 0 * v, lim)[0]
    assert np.all(stop_bound(v, 0 * v, lim)[0] <= 1.2 * exact + lim.velocity * 0.002)


def test_reach_contains_the_whole_motion_of_command_and_stop() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        lim = some_limits(rng, 0.01)
        motion = Motion(np.zeros(1), rng.uniform(-1, 1, 1) * lim.velocity, rng.uniform(-1, 1, 1) * lim.acceleration)
        velocity = np.clip(
            motion.velocity + rng.uniform(-1, 1, 1) * lim.acceleration * lim.dt, -lim.velocity, lim.velocity
        )
        reach = StopAndWanted(lim)
        reach.find(motion, velocity * lim.dt)
        state = motion.then(velocity * lim.dt, lim.dt)
        path = [0.0, float(state.position[0])]
        for _ in range(3000):
            step = state.velocity + stopping_acceleration(state, lim) * lim.dt
            state = state.then(state.position + step * lim.dt, lim.dt)
            path.append(float(state.position[0]))
            if abs(state.velocity[0]) < 1e-12:
                break
        (stop_up, stop_down), (up, down) = reach.ways
        assert max(path) <= up + 1e-9
        assert min(path) >= down - 1e-9
        assert reach.furthest == max(up, -down, stop_up, -stop_down)
        first = motion.velocity + stopping_acceleration(motion, lim) * lim.dt
        np.testing.assert_allclose(reach.stop, first, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(reach.ends, [first, velocity], rtol=1e-12, atol=1e-15)


def test_up_and_down_are_mirror_images() -> None:
    lim = some_limits(np.random.default_rng(3), 0.01)
    reach, motion = StopAndWanted(lim), Motion.rest(np.zeros(1))
    reach.find(motion, np.array([0.001]))
    (stop_up, stop_down), (up, down) = reach.ways.tolist()
    assert (stop_up, stop_down) == (0.0, 0.0)
    assert up > 0.001
    reach.find(motion, np.array([-0.001]))
    np.testing.assert_allclose(reach.ways[1], [-down, -up])


def test_rates_are_the_secants_of_the_ways_from_the_stop_to_the_wanted_velocity() -> None:
    rng = np.random.default_rng(4)
    for _ in range(50):
        lim = some_limits(rng, 0.01)
        reach = StopAndWanted(lim)
        reach.find(Motion(np.zeros(1), rng.uniform(-1, 1, 1) * lim.velocity, np.zeros(1)), rng.normal(0, 0.02, 1))
        (stop,), (wanted,) = reach.ends
        by_hand = (reach.ways[0] - reach.ways[1]) / (wanted - stop)
        np.testing.assert_allclose(reach.rates(), by_hand, rtol=1e-12)


def test_a_joint_without_choice_has_finite_rates() -> None:
    lim = some_limits(np.random.default_rng(5), 0.01)
    reach = StopAndWanted(lim)
    reach.find(Motion.rest(np.zeros(1)), np.zeros(1))  # at rest, and asked to stay there
    assert reach.ends.tolist() == [[0.0], [0.0]]
    assert reach.rates() == [0.0, 0.0]
