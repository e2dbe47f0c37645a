"""The barrier filter inside the governor: a planar arm of the rig's two joints."""

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State
from tests.policy_nodes.safety.arms import pose
from tests.policy_nodes.safety.rig import Rig, config

CHAIN = [
    {"name": "shoulder", "fixed": pose()},
    {"name": "elbow", "fixed": pose(x=0.5)},
    {"name": "tip", "fixed": pose(x=0.5), "kind": "fixed"},
]
TIP = {"name": "tip", "link": "tip", "start": [0.0, 0.0, 0.0], "radius": 0.05}
WALL = {"workspace": {"link": "tip", "minimum": [-2.0, -1.0, -1.0], "maximum": [2.0, 0.3, 1.0]}}
BALL = {"bodies": [TIP], "obstacles": [{"name": "ball", "term": "cube", "radius": 0.1, "margin": 0.0}]}


def rig(**sections: object) -> Rig:
    robot = Rig(settings=config(filter={"chain": CHAIN, **sections}))
    robot.cube = np.array([-1.0, 0.0, 0.0])
    return robot


def tip(q: np.ndarray) -> np.ndarray:
    return np.array([0.5 * np.cos(q[0]) + 0.5 * np.cos(q.sum()), 0.5 * np.sin(q[0]) + 0.5 * np.sin(q.sum())])


def test_the_policy_is_held_before_the_wall_and_stays_in_command() -> None:
    robot = rig(**WALL).active(300)
    assert robot.governor.state is State.ACTIVE
    assert all(tip(command)[1] <= 0.3 for command in robot.commands)
    assert tip(robot.commands[-1])[1] > 0.25
    assert robot.log[-1].limited
    assert int(robot.governor.status()["filtered_ticks"]) > 10
    robot.assert_limits()


def test_without_the_filter_it_goes_through() -> None:
    robot = Rig().active(300)
    assert tip(robot.commands[-1])[1] > 0.4


def test_an_obstacle_that_appears_in_the_arm_stops_it_in_the_same_tick() -> None:
    robot = rig(**BALL).active(40)
    robot.cube = np.array([*tip(robot.position), 0.0])
    decision = robot.tick()
    assert (decision.state, decision.reason, decision.backup) == (
        State.BACKUP,
        Reason.FILTER_INFEASIBLE,
        "jerk_limited_stop",
    )
    assert "tip clear of ball" in decision.detail
    assert decision.stop_category == 2
    robot.tick(40)
    assert robot.governor.state is State.STOPPED
    accepted, message = robot.governor.reset(robot.now)
    assert not accepted
    assert "filter_infeasible: tip clear of ball" in message
    robot.cube = np.array([-1.0, 0.0, 0.0])
    robot.tick()
    assert robot.governor.reset(robot.now)[0]
    robot.assert_limits()


def test_a_reaction_can_cut_the_power_instead() -> None:
    reactions = {"filter_infeasible": {"stop_category": 0}}
    robot = Rig(settings=config(filter={"chain": CHAIN, **BALL}, reactions=reactions))
    robot.cube = np.array([-1.0, 0.0, 0.0])
    robot.active(40)
    robot.cube = np.array([*tip(robot.position), 0.0])
    decision = robot.tick()
    assert (decision.state, decision.command) == (State.STOPPED, None)


def test_a_violated_barrier_blocks_enabling() -> None:
    robot = rig(**BALL)
    robot.cube = np.array([1.0, 0.0, 0.0])
    robot.tick(10)
    accepted, message = robot.governor.enable(robot.now, True)
    assert not accepted
    assert "filter_infeasible: tip clear of ball" in message


def test_a_stop_for_another_reason_stays_clear_as_well() -> None:
    for ticks in range(50, 150, 7):
        robot = rig(**WALL)
        robot.speed = 1.5
        robot.active(ticks)
        robot.governor.estop(robot.now)
        while robot.tick().state is not State.STOPPED:
            assert len(robot.log) < ticks + 70
        assert all(tip(command)[1] <= 0.3 for command in robot.commands)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chain": [{"name": "knee", "fixed": pose()}], "joint_margin": 0.1}, "no joint of the bundle"),
        ({"bodies": [TIP], "obstacles": [{"name": "b", "term": "person", "radius": 0.1}]}, "unknown observation term"),
        ({**BALL, "frame_id": "base"}, "is in frame 'None'"),
    ],
)
def test_what_does_not_fit_the_bundle_is_refused_at_configure(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Rig(settings=config(filter={"chain": CHAIN, **change}))
