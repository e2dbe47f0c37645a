import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.stl.config import SpecificationConfig
from policy_nodes.safety.stl.layer import SpecificationLayer
from policy_nodes.safety.supervisor import Action, State
from tests.policy_nodes.safety.rig import JOINTS, MS, Rig, config, term

ZERO = np.zeros(2)


def spec(formula: str, **changes: object) -> SpecificationConfig:
    return SpecificationConfig.model_validate({"name": "rule", "formula": formula, **changes})


def layer(formula: str, **changes: object) -> SpecificationLayer:
    return SpecificationLayer([spec(formula, **changes)], JOINTS, [term()], 0.01)


def rig(formula: str, **changes: object) -> Rig:
    return Rig(settings=config(temporal_logic=[spec(formula, **changes).model_dump()]))


def test_every_signal_has_its_place() -> None:
    names = ["shoulder.position", "elbow.velocity", "shoulder.command", "elbow.error", "cube.z"]
    expected = [1.0, 4.0, 5.0, 6.0 - 2.0, 9.0]
    for name, value in zip(names, expected, strict=True):
        found = layer(f"{name} > 0")
        found.observe(np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0]), {"cube": np.array([7.0, 8, 9])})
        assert found.specifications[0].robustness == value
        assert found.status() == {"robustness/rule": f"{value:.4g}"}


def test_before_the_first_command_the_error_is_zero() -> None:
    found = layer("abs(elbow.error) < 0.1")
    found.observe(np.ones(2), ZERO, None, {"cube": np.zeros(3)})
    assert found.specifications[0].robustness == 0.1


def test_names_that_a_formula_cannot_contain_are_spelled_with_underscores() -> None:
    found = SpecificationLayer([spec("arm_1.position > 0")], ["arm-1"], [], 0.01)
    found.observe(np.array([2.0]), np.zeros(1), None, {})
    assert found.specifications[0].robustness == 2.0


@pytest.mark.parametrize(
    ("formula", "changes", "message"),
    [
        ("wrist.position > 0", {}, "unknown signal"),
        ("cube.w > 0", {}, "unknown signal"),
        ("once[0:15ms](cube.x > 0)", {}, "not a multiple of the period"),
        ("once[0:1h](cube.x > 0)", {}, "unknown unit"),
        ("always (cube.x > 0)", {}, "no window"),
        ("always[0:10ms](once(cube.x > 0))", {}, "mixed"),
        ("always[0:10ms](cube.x > 0)", {"on": "trace"}, "on: prediction"),
        ("cube.x > 0 iff cube.y > 0", {}, "two implications"),
    ],
)
def test_refused_at_configure_with_the_name_of_the_specification(
    formula: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        layer(formula, **changes)
    assert "'rule'" in error.value.cause
    with pytest.raises(ConfigError, match=message):
        rig(formula, **changes)


def test_ambiguous_names_and_repeated_labels_are_refused() -> None:
    double = term("shoulder").model_copy(update={"axes": ["position", "y", "z"]})
    with pytest.raises(ConfigError, match="names two signals"):
        SpecificationLayer([spec("shoulder.position > 0")], JOINTS, [double], 0.01)
    with pytest.raises(ValueError, match="same name"):
        config(temporal_logic=[spec("cube.x > 0").model_dump()] * 2)


def test_violation_on_the_executed_trace_stops_latches_and_needs_the_cause_to_go() -> None:
    robot = rig("historically[0:50ms](cube.x < 0.5)").active()
    robot.cube = np.array([0.6, 0.0, 0.0])
    decision = robot.tick()
    assert (decision.state, decision.reason) == (State.BACKUP, Reason.SPECIFICATION_VIOLATED)
    assert "'rule' is violated, robustness -0.1" in decision.detail
    assert decision.stop_category == 2
    robot.tick(60)
    assert robot.governor.state is State.STOPPED
    accepted, message = robot.governor.reset(robot.now)
    assert not accepted
    assert "specification_violated" in message
    robot.cube = np.zeros(3)
    robot.tick()
    # The window still contains the violation, but the operator has acknowledged it.
    assert robot.governor.reset(robot.now)[0]
    robot.assert_limits()


def test_a_robot_that_is_moved_while_nothing_commands_it_is_not_off_its_command() -> None:
    """After a category 1 stop the drives may drop it or a person move it; that is no violation for ever after."""
    robot = rig("abs(shoulder.error) < 0.2").active()
    robot.governor.estop(robot.now)
    robot.tick(100)
    assert robot.governor.state is State.STOPPED and robot.tick().command is None
    robot.frozen = np.array([1.0, -1.0])  # where somebody put it
    robot.tick(60)
    assert robot.governor.status()["robustness/rule"] == "0.2"
    assert robot.governor.reset(robot.now)[0]


def test_a_violated_specification_blocks_enabling() -> None:
    robot = rig("cube.x < 0.5")
    robot.cube = np.array([0.6, 0.0, 0.0])
    robot.tick(10)
    accepted, message = robot.governor.enable(robot.now, True)
    assert not accepted
    assert "specification_violated: 'rule'" in message


def test_hold_brakes_and_resumes_by_itself() -> None:
    robot = rig("cube.x < 0.5", reaction="hold").active()
    robot.cube = np.array([0.6, 0.0, 0.0])
    decision = robot.tick(30)
    assert (decision.state, decision.reason) == (State.DEGRADED, Reason.SPECIFICATION_HOLD)
    assert robot.governor._supervisor.action is Action.PAUSE
    assert np.array_equal(robot.commands[-1], robot.commands[-2])
    robot.cube = np.zeros(3)
    assert robot.tick(2).state is State.ACTIVE
    robot.assert_limits()


def test_warn_degrades_and_the_policy_continues() -> None:
    robot = rig("cube.x < 0.5", reaction="warn").active()
    robot.cube = np.array([0.6, 0.0, 0.0])
    before = robot.commands[-1][0]
    decision = robot.tick(5)
    assert (decision.state, decision.reason) == (State.DEGRADED, Reason.SPECIFICATION_WARNING)
    assert decision.command is not None
    assert decision.command[0] > before


def test_margin_moves_the_threshold() -> None:
    robot = rig("cube.x < 0.5", margin=0.2).active()
    robot.cube = np.array([0.29, 0.0, 0.0])
    assert robot.tick().state is State.ACTIVE
    robot.cube = np.array([0.31, 0.0, 0.0])
    assert robot.tick().reason is Reason.SPECIFICATION_VIOLATED


def test_history_is_awaited_and_a_gap_starts_it_again() -> None:
    robot = rig("once[0:100ms](cube.x > 0.5)")
    robot.cube = np.array([0.6, 0.0, 0.0])
    robot.active(5)
    robot.cube = np.zeros(3)
    assert robot.tick(10).state is State.ACTIVE
    assert robot.tick().reason is Reason.SPECIFICATION_VIOLATED


def test_the_chunk_is_refused_before_it_is_executed() -> None:
    # The policy moves at 0.5 rad/s; the rest of its chunk spans up to 0.32 s.
    robot = rig("always[0:300ms](shoulder.position < 0.3)").active(5)
    decision = robot.tick(100)
    stopped = next(decision for decision in robot.log if decision.state is State.BACKUP)
    assert stopped.reason is Reason.SPECIFICATION_VIOLATED
    assert "would be violated by the chunk" in stopped.detail
    assert decision.state is State.STOPPED
    assert max(command[0] for command in robot.commands) < 0.3
    robot.assert_limits()


def test_an_eventuality_is_violated_only_when_no_continuation_can_fulfil_it() -> None:
    reachable = layer("eventually[0:200ms](elbow.position > 1)")
    reachable.observe(ZERO, ZERO, ZERO, {"cube": np.zeros(3)})
    short, long = np.zeros((10, 2)), np.zeros((25, 2))
    assert reachable.predict(ZERO, short) == []
    assert [fault.reason for fault in reachable.predict(ZERO, long)] == [Reason.SPECIFICATION_VIOLATED]
    assert reachable.predict(ZERO, np.empty((0, 2))) == []


def test_predicted_velocity_is_the_difference_of_targets() -> None:
    found = layer("always[0:50ms](abs(elbow.velocity) < 1)")
    found.observe(ZERO, ZERO, ZERO, {"cube": np.zeros(3)})
    slow, fast = (np.stack([ZERO + k * step for k in range(1, 8)]) for step in (0.009, 0.011))
    assert found.predict(ZERO, slow) == []
    assert len(found.predict(ZERO, fast)) == 1


def test_past_formula_on_the_prediction_continues_the_trace() -> None:
    found = layer("historically[0:30ms](elbow.position < 1)", on="both")
    terms = {"cube": np.zeros(3)}
    found.observe(ZERO, ZERO, ZERO, terms)
    assert found.faults() == []
    assert found.predict(ZERO, np.full((3, 2), 0.5)) == []
    assert "by the chunk" in found.predict(ZERO, np.full((3, 2), 1.5))[0].detail
    assert found.faults() == []


def test_undefined_arithmetic_counts_as_violation() -> None:
    robot = rig("1 / (cube.x - 0.25) > -100").active()
    robot.cube = np.array([0.25, 0.0, 0.0])
    decision = robot.tick()
    assert decision.reason is Reason.SPECIFICATION_VIOLATED
    assert "cannot be evaluated" in decision.detail


def test_robustness_is_shown_to_the_operator() -> None:
    robot = rig("cube.x < 0.5").active()
    assert robot.governor.status()["robustness/rule"] == "0.5"


def test_an_observation_that_jitters_in_time_is_one_sample_per_tick() -> None:
    robot = rig("historically[0:20ms](cube.x < 0.5)", reaction="warn").active()
    robot.cube = np.array([0.6, 0.0, 0.0])
    robot.tick()
    robot.cube = np.zeros(3)
    states = [robot.tick().state for _ in range(4)]
    assert states == [State.DEGRADED, State.DEGRADED, State.ACTIVE, State.ACTIVE]
    assert robot.now % MS == 0
