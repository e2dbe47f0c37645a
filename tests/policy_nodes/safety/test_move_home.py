"""The operator sends the robot home: from READY along the checked line, ended by whatever ends any motion."""

import numpy as np
import pytest

from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State
from tests.policy_nodes.safety.rig import Rig, config
from tests.policy_nodes.safety.test_governor_filter import CHAIN, TIP

HOME = [0.3, -0.2]


def ready(**sections: object) -> Rig:
    """A robot that the policy moved and the operator disabled: held under power away from home."""
    rig = Rig(settings=config(**{"backups": {"home": HOME}, **sections}))
    rig.cube = np.array([-0.9, 0.0, 0.0])
    rig.active(80)
    assert rig.governor.enable(rig.now, False)[0]
    rig.tick(40)
    assert rig.governor.state is State.READY
    return rig


def going(**sections: object) -> Rig:
    rig = ready(**sections)
    assert rig.governor.move_home(rig.now) == (True, "Moving home.")
    decision = rig.tick(30)
    assert (decision.state, decision.reason, decision.backup) == (State.BACKUP, Reason.OPERATOR_HOME, "home")
    return rig


def test_goes_home_inside_the_limits_and_is_ready_there() -> None:
    rig = going()
    decision = rig.tick(400)
    assert (decision.state, decision.reason) == (State.READY, None)
    np.testing.assert_allclose(rig.position, HOME, atol=1e-6)
    assert rig.governor.enable(rig.now, True)[0], "no reset is needed"
    rig.assert_limits()


def test_an_alarm_of_the_failure_monitor_refuses_the_policy_and_not_the_way_home() -> None:
    rig = ready()
    rig.alarm()
    assert not rig.governor.enable(rig.now, True)[0]
    assert rig.governor.move_home(rig.now)[0]
    rig.tick(400)
    np.testing.assert_allclose(rig.position, HOME, atol=1e-6)


def test_out_of_a_stop_whose_alarm_persists_home_is_the_way() -> None:
    rig = Rig(settings=config(backups={"home": HOME})).active(80)
    rig.alarm()
    rig.tick(60)
    assert (rig.governor.state, rig.governor.reason) == (State.STOPPED, Reason.FAILURE_PREDICTED)
    rig.alarm()
    assert not rig.governor.move_home(rig.now)[0], "acknowledged first"
    assert rig.governor.reset(rig.now)[0]
    accepted, message = rig.governor.enable(rig.now, True)
    assert not accepted
    assert "failure_predicted" in message
    assert rig.governor.move_home(rig.now)[0]
    rig.tick(400)
    np.testing.assert_allclose(rig.position, HOME, atol=1e-6)


def test_from_home_it_stays_where_it_is() -> None:
    rig = going()
    rig.tick(400)
    assert rig.governor.move_home(rig.now)[0]
    assert rig.tick(100).state is State.READY
    np.testing.assert_allclose(rig.position, HOME, atol=1e-6)


@pytest.mark.parametrize("state", ["INIT", "ACTIVE", "STOPPED"])
def test_only_from_ready(state: str) -> None:
    rig = Rig(settings=config(backups={"home": HOME}))
    if state != "INIT":
        rig.active(60)
    if state == "STOPPED":
        rig.governor.estop(rig.now)
        rig.tick(60)
    assert rig.governor.state.value == state
    accepted, message = rig.governor.move_home(rig.now)
    assert not accepted
    assert ("estop, reset first" if state == "STOPPED" else f"state is {state}, not READY") in message


def test_without_a_home_it_is_refused_and_nothing_changes() -> None:
    rig = ready(backups={})
    accepted, message = rig.governor.move_home(rig.now)
    assert (accepted, message) == (False, "Cannot move home: safety.yaml configures no backup 'home' (backups.home).")
    before = rig.position
    assert rig.tick(20).state is State.READY
    np.testing.assert_array_equal(rig.position, before)
    assert rig.governor.enable(rig.now, True)[0]


def test_through_an_obstacle_it_is_refused() -> None:
    post = {"bodies": [TIP], "obstacles": [{"name": "post", "position": [0.95, -0.1, 0], "radius": 0.1}]}
    rig = Rig(settings=config(backups={"home": [-0.9, 0.0]}, filter={"chain": CHAIN, **post}))
    rig.position = rig.start = np.array([0.3, 0.1])
    rig.tick(10)
    accepted, message = rig.governor.move_home(rig.now)
    assert not accepted
    assert "not clear" in message
    assert rig.tick().command is None, "nothing was ever commanded"


def test_disable_ends_it_and_needs_no_reset() -> None:
    rig = going()
    assert rig.governor.enable(rig.now, False)[0]
    assert rig.tick().backup == "jerk_limited_stop"
    assert rig.tick(60).state is State.READY
    assert np.abs(rig.position - HOME).max() > 0.01
    rig.assert_limits()


@pytest.mark.parametrize(("flag", "reason"), [("joint_states", Reason.JOINT_STATE_STALE), ("estop", Reason.ESTOP)])
def test_faults_end_it_and_latch(flag: str, reason: Reason) -> None:
    rig = going()
    if flag == "estop":
        rig.governor.estop(rig.now)
    else:
        rig.joint_states = False
    rig.tick(60)
    assert (rig.governor.state, rig.governor.reason) == (State.STOPPED, reason)
    assert "jerk_limited_stop" in {decision.backup for decision in rig.log[-60:]}
    rig.assert_limits()


def test_something_that_moves_into_the_way_ends_it() -> None:
    ball = {"name": "ball", "term": "cube", "radius": 0.05, "margin": 0.0}
    rig = going(filter={"chain": CHAIN, "bodies": [TIP], "obstacles": [ball]})
    q = rig.position
    rig.cube = np.array([0.5 * np.cos(q[0]) + 0.5 * np.cos(q.sum()), 0.5 * np.sin(q[0]) + 0.5 * np.sin(q.sum()), 0.0])
    assert rig.tick().backup == "jerk_limited_stop"
    assert rig.tick(60).state is State.READY
    rig.assert_limits()


def test_its_reaction_cannot_be_configured_away() -> None:
    with pytest.raises(ValueError, match="always moves home"):
        config(reactions={"operator_home": {"backup": "hold", "stop_category": 2}})
