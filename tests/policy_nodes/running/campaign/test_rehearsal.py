"""The whole matrix on a simulated clock, and that the judge can fail."""

from dataclasses import replace

import numpy as np
import pytest

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.running.campaign import moments
from policy_nodes.running.campaign.bench import Bench, Plant
from policy_nodes.running.campaign.case import Case, Shows, Stream
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.moments import Limits, Record
from policy_nodes.running.campaign.page import page
from policy_nodes.running.campaign.rehearsal import PHASES, rehearse, trial
from policy_nodes.running.campaign.verdict import Seen, judge
from policy_nodes.safety.attitude_config import AttitudeConfig
from policy_nodes.safety.config import JointLimit, SafetyConfig
from policy_nodes.safety.reasons import Reason
from tests.policy_nodes.safety.rig import term

pytestmark = pytest.mark.pure

NAMES = ["shoulder", "elbow", "wrist"]
BOUNDS = {"position_min": -2.5, "position_max": 2.5, "velocity": 2.0, "acceleration": 10.0, "jerk": 500.0}
SAFETY = SafetyConfig.model_validate(
    {"joints": [{"name": name, **BOUNDS} for name in NAMES], "joint_state_timeout_s": 0.1}
)
PLANT = Plant(
    safety=SAFETY,
    joints=NAMES,
    terms=[term()],
    start=np.array([0.9, -0.6, 0.1]),
    values={"cube": np.array([0.3, 0.2, 0.1])},
    period_s=0.02,
    chunk_period_s=0.16,
    step_s=0.02,
    horizon=16,
)


def of_topic(name, topic, kind, field, axes, bound, age=0.1, **more):
    """A term of a walking robot's contract."""
    unit, low, high = ["1"] * axes, [-bound] * axes, [bound] * axes
    labels = [f"{name}_{k}" for k in range(axes)]
    return ObservationTerm(
        name=name, topic=topic, message_type=kind, field=field, axes=labels, unit=unit, minimum=low, maximum=high,
        max_age_s=age, **more,
    )  # fmt: skip


WALKER = replace(
    PLANT,
    safety=SAFETY.model_copy(update={"attitude": AttitudeConfig(term="gravity")}),
    terms=[
        of_topic("rates", "/imu", "sensor_msgs/msg/Imu", "angular_velocity", 3, 35.0),
        of_topic("gravity", "/imu", "sensor_msgs/msg/Imu", "projected_gravity", 3, 1.001),
        of_topic("command", "/cmd_vel", "geometry_msgs/msg/Twist", "planar", 3, 1.0, 0.5, fallback=[0.0] * 3),
    ],
    values={"command": np.zeros(3)},
)


def plant_for(case):
    """The robot that has what the fault touches."""
    return WALKER if case.stream in ("imu", "drive") else PLANT


def test_the_catalogue_is_what_the_issue_asks_for():
    assert len(CASES) >= 30
    assert sum(case.live for case in CASES.values()) >= 30
    for case in CASES.values():
        assert case.tolerated == (not case.reasons), case.name
        assert case.live or case.rehearsed


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.rehearsed])
def test_every_fault_is_answered_as_declared_at_full_speed(name):
    verdict = trial(plant_for(CASES[name]), CASES[name], PHASES["full_speed"])
    assert verdict.passed, (verdict.problems, verdict.seen)
    assert verdict.reaction_periods is None or verdict.reaction_periods <= 1.0 + 1e-6


@pytest.mark.slow
def test_the_whole_matrix():
    found = [verdict for case in CASES.values() for verdict in rehearse(plant_for(case), [case])]
    assert [(v.case, v.phase, v.problems) for v in found if not v.passed] == []


def test_a_reaction_that_is_not_the_declared_one_fails():
    """The judge is no rubber stamp: with the wrong reason declared, or a stop declared tolerated, it says so."""
    wrong = replace(CASES["joints_nan"], reasons=(Reason.ESTOP,))
    assert "reason joint_state_not_finite" in trial(PLANT, wrong, PHASES["rest"]).problems
    tolerated = replace(CASES["joints_nan"], reasons=(), shows=Shows.NEVER)
    assert not trial(PLANT, tolerated, PHASES["rest"]).passed
    untouched = Stream("joints", lambda: lambda sample: [(0, sample)])
    ignored = Case("nothing", "nothing happens", untouched, Shows.FIRST, (Reason.ESTOP,))
    assert trial(PLANT, ignored, PHASES["rest"]).problems == ["no reaction"]


def test_a_safety_layer_that_reacts_late_fails():
    """Timeouts longer than the declared configuration: the reaction comes after more than one period."""
    bench_plant = replace(PLANT, safety=SAFETY.model_copy(update={"max_rejects": 3}))
    seen = Seen(0.0, observable_s=1.0, detected_s=1.05, state="STOPPED", reason="joint_state_stale", category=1)
    verdict = judge(CASES["joints_drop"], "rest", True, seen, bench_plant.period_s, 1.0, [1])
    assert verdict.problems == ["reaction after 2.50 control periods"]
    over = replace(seen, detected_s=1.01, limit_use={"jerk": 1.2}, at_rest=False, recovered=False, category=2)
    problems = judge(CASES["joints_drop"], "rest", True, over, 0.02, 1.0, [1]).problems
    assert len(problems) == 4 and any("jerk at 120%" in problem for problem in problems)


def test_the_bench_moves_the_robot_and_is_the_same_every_time():
    first, second = Bench(PLANT), Bench(PLANT)
    for bench in (first, second):
        bench.run(0.5)
        assert bench.enable()[0]
        bench.run(2.0)
    times, commands = first.commands()
    np.testing.assert_array_equal(commands, second.commands()[1])
    assert np.ptp(commands[:, 0]) > 0.5
    np.testing.assert_allclose(np.diff(times), 0.02)


LIMITS = Limits({"joints": 100, "alarms": 500, "chunks": 0}, hold_ns=50, max_rejects=3)


def test_moments_by_hand():
    good = [Record(t, True, t) for t in (0, 10, 20)]
    bad = [Record(t, False, t) for t in (30, 40, 50, 60)]
    records = {"joints": good + bad}
    case = CASES["joints_nan"]
    assert moments.observable(case, records, 25, 1000, LIMITS) == 50
    assert moments.observable(case, {"joints": good}, 25, 1000, LIMITS) is None
    assert moments.observable(CASES["joints_drop"], {"joints": good}, 25, 1000, LIMITS) == 120
    assert moments.observable(CASES["joints_drop"], {"joints": good}, 25, 100, LIMITS) is None
    late = [*good, Record(420, True, 21)]
    assert moments.silent(late, 100, 25) == 120
    chunks = [Record(0, True, 0, 320), Record(160, True, 160, 480), Record(900, True, 300, 620)]
    assert moments.chunks_over(chunks, 50, 200) == 530


def test_another_layer_may_be_first_where_it_is_declared():
    """A stop for one of may_stop needs no reaction time, but rest, latch and recovery like any other."""
    early = Seen(0.0, detected_s=0.5, state="STOPPED", reason="specification_violated", category=2)
    case = CASES["commands_drop"]
    assert judge(case, "carry", True, early, 0.02, 1.0, [1, 2]).passed
    assert not judge(case, "carry", True, replace(early, recovered=False), 0.02, 1.0, [1, 2]).passed
    assert not judge(case, "carry", True, replace(early, reason="monitor_lost"), 0.02, 1.0, [1, 2]).passed
    starved = replace(early, reason="joint_state_stale", category=1)
    assert judge(CASES["cpu_hog"], "carry", True, starved, 0.02, 1.0, [1, 2]).passed
    assert not judge(CASES["joints_duplicate"], "carry", True, starved, 0.02, 1.0, [1, 2]).passed


def test_the_page_says_what_failed_and_escapes_it():
    verdict = trial(PLANT, CASES["estop"], PHASES["rest"])
    broken = replace(verdict, case="joints_nan", passed=False, problems=["<script>"])
    results = {"bundle": "b<", "mode": "simulated clock", "period_s": 0.02, "allowed_periods": 1.0, "conditions": ""}
    text = page({**results, "verdicts": [verdict.to_dict(), broken.to_dict()]})
    assert "1 of 2 trials as declared" in text
    assert "&lt;script&gt;" in text and "<script>" not in text and "http" not in text
    assert 'class="fail"' in text and 'class="pass"' in text


def test_limits_are_those_of_a_joint():
    assert isinstance(SAFETY.joints[0], JointLimit)
    assert judge(CASES["joints_permuted"], "rest", True, Seen(0.0), 0.02, 1.0, []).passed
