"""The laws for one joint are those for arrays."""

import numpy as np

from policy_nodes.safety import braking
from policy_nodes.safety.filter import reach
from policy_nodes.safety.limits import Limits
from policy_nodes.safety.one_joint import stop_bound, stop_step
from tests.policy_nodes.safety.arms import joint_limits


def test_the_step_of_the_stop_is_the_same() -> None:
    rng = np.random.default_rng(0)
    velocity, most = rng.normal(size=2000) * 10 ** rng.uniform(-4, 3, 2000), 10 ** rng.uniform(-1, 2, 2000)
    acceleration = rng.uniform(-1, 1, 2000) * most
    velocity[:4], acceleration[:2] = [0.0, 3.0, -3.0, 6.0], 0.0
    expected = braking.stop_step(velocity, acceleration, most)
    found = [stop_step(*each) for each in zip(velocity.tolist(), acceleration.tolist(), most.tolist(), strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_by_hand() -> None:
    # From 6 units the brake is applied at most one unit harder per period: 1 + 2 + 2 + 1 units of velocity.
    assert stop_step(6.0, 0.0, 10.0) == -1.0
    assert stop_step(5.0, -1.0, 10.0) == -2.0
    assert stop_step(1.0, -2.0, 10.0) == -1.0
    assert stop_step(0.0, -1.0, 10.0) == 0.0
    # 1 m/s at 2 m/s^2, jerk 4 m/s^3: v^2 / 2A + v A / 2j = 0.25 + 0.25.
    assert stop_bound(1.0, 0.0, 0.25, 0.25, 0.25) == 0.5
    assert stop_bound(-1.0, 0.0, 0.25, 0.25, 0.25) == 0.0


def test_the_bound_is_the_same() -> None:
    rng = np.random.default_rng(1)
    limits = Limits.of(joint_limits([f"j{k}" for k in range(500)], jerk=150.0), 0.01)
    velocity, acceleration = rng.uniform(-2, 2, 500), rng.uniform(-10, 10, 500)
    constants = (limits.inverse_jerk, limits.half_inverse_acceleration, limits.half_ramp_s)
    joints = list(zip(velocity.tolist(), acceleration.tolist(), *[c.tolist() for c in constants], strict=True))
    up, down = reach.stop_bound(velocity, acceleration, limits)
    np.testing.assert_allclose([stop_bound(*joint) for joint in joints], up, rtol=1e-12)
    np.testing.assert_allclose([stop_bound(-v, -a, *rest) for v, a, *rest in joints], down, rtol=1e-12)
