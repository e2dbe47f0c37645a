"""Measured effort stops the robot; effort commands stay inside limit, rate and ros2_control's one-sided rule."""

import numpy as np
import pytest

from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.effort import EffortLimiter, EffortWatch
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State
from policy_nodes.types import JointSample
from tests.policy_nodes.safety.rig import Rig, limits

DT = 0.001


def limiter(rate: float = 1000.0) -> EffortLimiter:
    return EffortLimiter(limits(effort=87.0, effort_rate=rate), DT)


def test_rate_is_that_of_libfranka() -> None:
    """[vector] 1000 N m/s at 1 kHz is 1 N m per cycle."""
    command = limiter().next(np.zeros(2), np.array([50.0, -50.0]), np.zeros(2), np.zeros(2))
    np.testing.assert_allclose(command, [1.0, -1.0])


def test_limit_holds_for_any_request() -> None:
    rng, held, command = np.random.default_rng(0), limiter(), np.zeros(2)
    for _ in range(3000):
        after = held.next(command, rng.normal(0, 300, 2), rng.uniform(-3, 3, 2), rng.uniform(-3, 3, 2))
        assert np.abs(after).max() <= 87.0
        assert np.abs(after - command).max() <= 1.0 + 1e-9
        command = after


@pytest.mark.parametrize(
    ("position", "velocity", "closed"), [(2.0, 0.0, 1), (-2.0, 0.0, -1), (0.0, 2.0, 1), (0.0, -2.0, -1), (0.0, 0.0, 0)]
)
def test_the_side_that_pushes_further_out_is_closed(position: float, velocity: float, closed: int) -> None:
    held = limiter(rate=1e9)
    for sign in (1, -1):
        command = held.next(np.zeros(2), np.full(2, 20.0 * sign), np.full(2, position), np.full(2, velocity))
        np.testing.assert_allclose(command, 0.0 if sign == closed else 20.0 * sign)


def test_a_request_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="2 finite numbers"):
        limiter().next(np.zeros(2), np.array([np.nan, 0.0]), np.zeros(2), np.zeros(2))


def test_spikes_are_tolerated_and_a_lasting_load_is_a_fault() -> None:
    watch = EffortWatch(limits(effort=10.0), debounce=3)
    for effort in ([11, 0], [11, 0], [0, 0], [11, 0], [11, 0]):
        watch.sample(np.array(effort, dtype=float))
    assert watch.fault() is None
    watch.sample(np.array([np.nan, 0.0]))
    fault = watch.fault()
    assert fault is not None and fault.reason is Reason.EFFORT_EXCEEDED and "'shoulder'" in fault.detail
    watch.sample(np.zeros(2))
    assert watch.fault() is None


def test_without_limits_or_measurement_nothing_is_judged() -> None:
    silent = EffortWatch(limits(), debounce=1)
    silent.sample(np.full(2, 1e9))
    assert not silent.judges and silent.fault() is None
    watch = EffortWatch(limits(effort=1.0), debounce=1)
    watch.sample(None)
    watch.sample(np.array([9.0]))
    assert watch.fault() is None


def test_the_governor_stops_on_overload_and_refuses_a_reset_while_it_lasts() -> None:
    config = SafetyConfig.model_validate({"joints": limits(effort=5.0), "effort_debounce": 2})
    rig = Rig(config, speed=0.8).active()
    rig.joint_states = False
    for _ in range(2):
        stamp = rig.now + 5_000_000
        effort = np.array([9.0, 0.0])
        rig.governor.on_joint_state(stamp, JointSample(stamp, rig.position.copy(), np.zeros(2), effort))
        decision = rig.tick()
    assert (decision.state, decision.reason) == (State.BACKUP, Reason.EFFORT_EXCEEDED)
    rig.joint_states = True
    rig.tick(1)
    rig.assert_limits()
