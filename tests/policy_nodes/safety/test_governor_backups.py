"""Backups that go somewhere, inside the governor: what starts them and everything that ends them."""

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State
from tests.policy_nodes.safety.rig import Rig, config
from tests.policy_nodes.safety.test_governor_filter import CHAIN, TIP

STOP = "jerk_limited_stop"


def rig(backup: str, **sections: object) -> Rig:
    reactions = {"chunk_exhausted": {"backup": backup, "stop_category": 2}}
    settings = config(reactions=reactions, backups={"home": [0.3, -0.2], "rewind_s": 1.0}, **sections)
    robot = Rig(settings=settings)
    robot.cube = np.array([-0.9, 0.0, 0.0])
    return robot


def exhausted(backup: str, **sections: object) -> Rig:
    """A robot whose policy fell silent, a while into its backup."""
    robot = rig(backup, **sections).active(100)
    robot.chunks = False
    for _ in range(100):
        if robot.tick().state is State.BACKUP:
            break
    robot.tick(200 if backup == "rewind" else 80)  # the path ended slowly, so the way back begins slowly
    assert (robot.log[-1].state, robot.log[-1].backup) == (State.BACKUP, backup)
    assert np.abs(robot.commands[-1] - robot.commands[-2]).max() > 1e-4
    return robot


@pytest.mark.parametrize(("backup", "end"), [("rewind", None), ("home", [0.3, -0.2])])
def test_runs_to_its_end_inside_the_limits_and_latches(backup: str, end: list[float] | None) -> None:
    robot = exhausted(backup)
    robot.tick(900)
    decision = robot.log[-1]
    assert (decision.state, decision.reason) == (State.STOPPED, Reason.CHUNK_EXHAUSTED)
    if end is not None:
        np.testing.assert_allclose(robot.commands[-1], end, atol=1e-6)
    else:
        furthest = max(command[0] for command in robot.commands)
        assert robot.commands[-1][0] < furthest - 0.3
    robot.assert_limits()


def test_damped_stop_ends_at_rest() -> None:
    robot = rig("damped_stop").active(100)
    robot.chunks = False
    robot.tick(120)
    assert robot.governor.state is State.STOPPED
    assert "damped_stop" in [decision.backup for decision in robot.log]
    robot.assert_limits()


def stops(robot: Rig) -> None:
    """The backup is given up in this tick for the shortest stop."""
    decision = robot.tick()
    assert decision.backup == STOP
    robot.tick(30)
    assert robot.governor.state is State.STOPPED
    robot.assert_limits()


@pytest.mark.parametrize("backup", ["rewind", "home"])
@pytest.mark.parametrize("end", ["estop", "shutdown", "disable", "joint_states", "observations", "contact"])
def test_every_further_fault_and_the_operator_end_the_motion(backup: str, end: str) -> None:
    robot = exhausted(backup)
    if end == "estop":
        robot.governor.estop(robot.now)
    elif end == "shutdown":
        robot.governor.shutdown(robot.now)
    elif end == "disable":
        assert robot.governor.enable(robot.now, False)[0]
    elif end == "contact":
        robot.frozen = robot.position - 0.4
        robot.governor._joint.value = robot.frozen
    else:
        setattr(robot, end, False)
        robot.tick(6 if end == "joint_states" else 10)
    stops(robot)
    expected = {"estop": Reason.ESTOP, "shutdown": Reason.SHUTDOWN, "joint_states": Reason.JOINT_STATE_STALE}
    cause = expected.get(end, Reason.TRACKING_LOST if end == "contact" else Reason.CHUNK_EXHAUSTED)
    assert robot.governor.reason is cause


def test_an_equally_severe_emergency_stop_still_ends_the_motion() -> None:
    robot = exhausted("rewind")
    assert robot.governor.reason is Reason.CHUNK_EXHAUSTED
    robot.governor.estop(robot.now)
    assert robot.governor.reason is Reason.ESTOP
    stops(robot)


@pytest.mark.parametrize("backup", ["rewind", "home", "damped_stop"])
def test_something_that_moves_into_the_way_ends_the_motion(backup: str) -> None:
    ball = {"name": "ball", "term": "cube", "radius": 0.05, "margin": 0.0}
    robot = rig(backup, filter={"chain": CHAIN, "bodies": [TIP], "obstacles": [ball]}).active(100)
    robot.chunks = False
    while robot.tick().backup != backup:
        assert len(robot.log) < 400
    if backup != "damped_stop":
        robot.tick(200 if backup == "rewind" else 80)
        assert robot.log[-1].backup == backup
    q = robot.position
    robot.cube = np.array([0.5 * np.cos(q[0]) + 0.5 * np.cos(q.sum()), 0.5 * np.sin(q[0]) + 0.5 * np.sin(q.sum()), 0.0])
    stops(robot)


def test_home_is_not_begun_through_an_obstacle() -> None:
    post = {"bodies": [TIP], "obstacles": [{"name": "post", "position": [0.95, -0.1, 0], "radius": 0.1}]}
    reactions = {"chunk_exhausted": {"backup": "home", "stop_category": 2}}
    robot = Rig(settings=config(reactions=reactions, backups={"home": [-0.9, 0.0]}, filter={"chain": CHAIN, **post}))
    robot.position = robot.start = np.array([0.3, 0.1])
    robot.active(60)
    robot.chunks = False
    robot.tick(100)
    used = {decision.backup for decision in robot.log} - {None}
    assert used == {STOP}


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        (
            {"workspace": {"link": "tip", "minimum": [-2.0, 0.08, -1.0], "maximum": [2.0, 1.5, 1.0]}},
            "y' is violated",
        ),
        ({"bodies": [TIP], "planes": [{"name": "wall", "point": [0.5, 0, 0], "normal": [-1, 0, 0]}]}, "clear of wall"),
        (
            {"bodies": [TIP], "obstacles": [{"name": "post", "position": [0.9, -0.4, 0], "radius": 0.3}]},
            "clear of post",
        ),
    ],
)
def test_a_home_inside_an_obstacle_is_refused_at_configure(scene: dict[str, object], message: str) -> None:
    """Elbow straight at -0.5 rad: the tip is at (0.88, -0.48)."""
    section = {"filter": {"chain": CHAIN, **scene}}
    with pytest.raises(ConfigError, match=f"backups.home can never be reached: .*{message}"):
        Rig(settings=config(backups={"home": [-0.5, 0.0]}, **section))
    Rig(settings=config(backups={"home": [1.6, 0.0]}, **section))  # (-0.03, 1.0) is clear of each


@pytest.mark.parametrize(
    ("reactions", "message"),
    [
        ({"estop": {"backup": "rewind", "stop_category": 1}}, "needs stop category 2"),
        ({"joint_state_stale": {"backup": "home", "stop_category": 1}}, "needs stop category 2"),
        ({"chunk_exhausted": {"backup": "home", "stop_category": 2}}, "backups.home"),
        ({"chunk_exhausted": {"backup": "fly", "stop_category": 2}}, "backup"),
        ({"joint_state_stale": {"backup": "damping", "stop_category": 1}}, "needs the measurement that is missing"),
        ({"joint_jump": {"backup": "damping", "stop_category": 1}}, "needs the measurement that is missing"),
    ],
)
def test_backups_whose_precondition_cannot_hold_are_refused(reactions: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(reactions=reactions)
