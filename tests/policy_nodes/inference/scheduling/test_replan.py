import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from policy_nodes.bundle.chunking import Chunking
from policy_nodes.bundle.manifest import ObservationFeature, ObservationTerm
from policy_nodes.inference.scheduling.replan import Situation, due, jump_fraction
from tests.policy_nodes.inference.scheduling.chunks import STEP_NS, ramp

PERIOD = 4 * STEP_NS
rules = st.builds(Chunking, replan=st.sampled_from(["fixed", "on_remaining", "on_event"]))
FIXED, REMAINING, EVENT = (
    Chunking(replan="fixed"), Chunking(replan="on_remaining", remaining_steps=3), Chunking(replan="on_event"),
)  # fmt: skip


def ask(rule, now, last=0, **more):
    return due(rule, Situation(now, last, more.pop("chunk", ramp()), **more), PERIOD, STEP_NS)


@given(rules, st.integers(-(10**9), 10**9))
def test_the_first_plan_is_always_due(rule, now):
    assert due(rule, Situation(now, None, None), PERIOD, STEP_NS)


@given(rules, st.integers(0, 10**9), st.integers(1, 10**9), st.booleans())
def test_a_clock_that_went_back_does_not_stop_planning(rule, last, back, event):
    assert due(rule, Situation(last - back, last, ramp(), event=event), PERIOD, STEP_NS)


@given(rules, st.integers(0, STEP_NS - 1), st.booleans())
def test_nothing_is_planned_twice_within_one_step(rule, since, event):
    assert not ask(rule, since, event=event)


def test_fixed_waits_for_its_period():
    assert [ask(FIXED, k * STEP_NS, event=True) for k in range(6)] == [False] * 4 + [True] * 2


def test_an_event_cuts_the_wait_short():
    assert not ask(EVENT, 2 * STEP_NS)
    assert ask(EVENT, 2 * STEP_NS, event=True)
    assert ask(EVENT, 4 * STEP_NS)


def test_remaining_counts_what_is_left_when_the_answer_arrives():
    assert not ask(REMAINING, 4 * STEP_NS)  # four of eight steps left
    assert ask(REMAINING, 5 * STEP_NS)
    assert ask(REMAINING, 3 * STEP_NS, expected_delay_s=0.04)
    assert ask(REMAINING, 2 * STEP_NS, chunk=None)


def feature(*axes, low=-1.0, high=1.0, scale=1.0):
    term = ObservationTerm.model_validate(
        {"name": "t", "topic": "/t", "message_type": "std_msgs/msg/Float64MultiArray", "field": "data", "max_age_s": 1,
         "axes": list(axes), "unit": ["1"] * len(axes), "minimum": [low] * len(axes), "maximum": [high] * len(axes),
         "scale": scale}
    )  # fmt: skip
    return ObservationFeature(name="f", terms=[term], history=2, history_step_s=0.02)


def test_a_jump_is_a_share_of_the_range_of_the_newest_value():
    before, after = np.array([[9.0, 9.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [0.1, -0.5]])
    assert jump_fraction([feature("x", "y")], {"f": before}, {"f": after}) == 0.25
    assert jump_fraction([feature("x", "y", scale=2.0)], {"f": before}, {"f": after}) == 0.125


def test_a_quaternion_that_changes_sign_did_not_jump():
    spec, pose = [feature("qx", "qy", "qz", "qw")], np.array([[0.0, 0.0, 0.6, 0.8]])
    assert jump_fraction(spec, {"f": pose}, {"f": -pose}) == 0.0
    assert jump_fraction(spec, {"f": pose}, {"f": np.array([[0.0, 0.0, 0.8, 0.6]])}) > 0.09
