"""Verdicts: each single deviation from what was declared fails a trial, and is named."""

import json
from dataclasses import replace

import pytest

from policy_nodes.running.campaign.case import Case, Order, Process, Shows, Stream
from policy_nodes.running.campaign.streams import drop
from policy_nodes.running.campaign.verdict import Seen, excessive, expected, judge, not_carried_out
from policy_nodes.safety.reasons import Reason

pytestmark = pytest.mark.pure

PERIOD = 0.02
STALE, LOST, DISABLED = Reason.JOINT_STATE_STALE, Reason.MONITOR_LOST, Reason.OPERATOR_DISABLE
CASE = Case("joints_drop", "gone", Stream("joints", drop), Shows.SILENCE, (STALE,))
GOOD = Seen(
    injected_s=1.0, observable_s=1.1, detected_s=1.11, state="STOPPED", reason=STALE.value, backup="brake", category=1,
    limit_use={"velocity": 0.7, "jerk": 1.0},
)  # fmt: skip


def verdict(case=CASE, moving=True, seen=GOOD, allowed=1.0, categories=(1,), **changes):
    return judge(case, "carry", moving, replace(seen, **changes), PERIOD, allowed, list(categories))


def test_as_declared():
    result = verdict()
    assert result.passed and result.problems == [] and result.reaction_periods == pytest.approx(0.5)
    assert (result.case, result.phase, result.expected) == ("joints_drop", "carry", "joint_state_stale")
    assert json.loads(json.dumps(result.to_dict()))["seen"]["limit_use"]["jerk"] == 1.0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"detected_s": None}, "no reaction"),
        ({"reason": LOST.value}, "reason monitor_lost"),
        ({"reason": ""}, "reason "),
        ({"observable_s": None}, "a reaction before the fault could be known"),
        ({"detected_s": 1.1202}, "reaction after 1.01 control periods"),
        ({"detected_s": 1.16}, "reaction after 3.00 control periods"),
        ({"state": "BACKUP"}, "ended in BACKUP"),
        ({"state": "READY"}, "ended in READY"),
        ({"category": 2}, "stop category 2"),
        ({"category": None}, "stop category None"),
        ({"limit_use": {"velocity": 0.7, "jerk": 1.25}}, "jerk at 125% of its limit during the stop"),
        ({"at_rest": False}, "not at rest at the end"),
        ({"recovered": False}, "did not recover after reset and enable"),
    ],
)
def test_one_deviation_is_one_problem(changes, problem):
    result = verdict(**changes)
    assert not result.passed and result.problems == [problem]


def test_every_deviation_is_named_at_once():
    result = verdict(reason=LOST.value, state="BACKUP", at_rest=False)
    assert result.problems == ["reason monitor_lost", "ended in BACKUP", "not at rest at the end"]


@pytest.mark.parametrize(("detected", "passed"), [(1.1, True), (1.12, True), (1.05, True), (1.13, False)])
def test_exactly_the_allowed_time_is_in_time(detected, passed):
    assert verdict(detected_s=detected).passed is passed


def test_too_few_commands_are_no_broken_limit():
    assert verdict(limit_use=None).passed and verdict(limit_use={}).passed


def test_one_of_several_reasons_and_categories():
    case = replace(CASE, reasons=(LOST, STALE))
    assert verdict(case, categories=(0, 1)).passed
    assert expected(case) == "monitor_lost or joint_state_stale"


def test_a_reason_that_may_stop_may_come_early_and_is_judged_otherwise():
    case = replace(CASE, may_stop=(LOST,))
    assert verdict(case, reason=LOST.value, observable_s=None).passed
    assert verdict(case, reason=LOST.value, at_rest=False).problems == ["not at rest at the end"]
    assert not verdict(case, observable_s=None).passed  # the declared reason may not


TOLERATED = Case("joints_thin", "thin", Stream("joints", drop), Shows.NEVER)


def test_tolerance():
    went_on = Seen(1.0, state="ACTIVE")
    assert verdict(TOLERATED, seen=went_on).passed and expected(TOLERATED) == "tolerated"
    result = verdict(TOLERATED)
    assert result.problems == ["stopped for joint_state_stale although it must be tolerated"]


def test_a_tolerated_fault_may_stop_for_what_is_named_and_then_properly():
    case = replace(TOLERATED, may_stop=(STALE,))
    assert verdict(case, observable_s=None).passed
    assert verdict(case, recovered=False).problems == ["did not recover after reset and enable"]
    assert not verdict(case, reason=LOST.value).passed


def test_what_only_motion_shows_is_tolerated_at_rest():
    case = replace(CASE, moving_only=True)
    still = Seen(1.0, state="READY")
    assert verdict(case, moving=False, seen=still).passed and expected(case, moving=False) == "tolerated"
    assert not verdict(case, moving=False).passed
    assert verdict(case, moving=True, seen=still).passed  # it never became observable
    assert not verdict(case, moving=True, seen=replace(still, observable_s=1.1)).passed


def test_an_order_without_latch_ends_ready_and_needs_no_reason():
    case = Case("disabled", "off", Order("disable"), Shows.AT_ONCE, (DISABLED,), latches=False)
    assert verdict(case, state="READY", reason="", category=None).passed
    assert verdict(case, state="STOPPED", reason=DISABLED.value).problems == ["ended in STOPPED"]
    assert verdict(case, state="READY", reason=LOST.value).problems == ["reason monitor_lost"]


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (None, ""), ({}, ""), ({"jerk": 1.0}, ""), ({"jerk": 1.0 + 5e-7}, ""),
        ({"jerk": 1.1, "velocity": 2.0}, "velocity at 200% of its limit"),
    ],
)  # fmt: skip
def test_the_worst_limit(use, words):
    assert excessive(use) == words


def test_what_was_not_carried_out_has_not_passed():
    result = not_carried_out(CASE, "carry", "no cube")
    assert not result.passed and not result.carried_out and result.problems == ["not carried out: no cube"]


def test_what_a_case_says_of_itself():
    killed = Case("k", "k", Process("policy_node", 9), Shows.CHUNK_END)
    assert killed.kills == "policy_node" and killed.stream == "" and not killed.about_the_monitor
    assert CASE.kills == "" and CASE.stream == "joints"
    assert Case("m", "m", Process("monitor_node", 19), Shows.SILENCE).about_the_monitor
    assert Case("a", "a", Stream("alarms", drop), Shows.SILENCE).about_the_monitor
