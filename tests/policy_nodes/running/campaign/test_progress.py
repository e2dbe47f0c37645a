"""Results are on disk after every trial; an interrupted campaign goes on, another one is not mixed in."""

import json
from dataclasses import replace

import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.progress import REVIVE_S, Results, estimate_s, spoken
from policy_nodes.running.campaign.verdict import Seen, Verdict, not_carried_out

pytestmark = pytest.mark.pure

HEADER = {
    "key": {"manifest": "a", "mode": "live"},
    "bundle": "b",
    "mode": "live",
    "period_s": 0.02,
    "allowed_periods": 2.0,
}


def verdict(name, phase="approach", passed=True):
    return Verdict(name, phase, passed, [] if passed else ["no reaction"], "estop", None, Seen(0.0))


def test_every_verdict_is_on_disk_at_once(tmp_path):
    results = Results(tmp_path, HEADER)
    results.add(verdict("estop"))
    assert [item["case"] for item in json.loads((tmp_path / "faults.json").read_text())["verdicts"]] == ["estop"]
    results.say(scheduling="real-time priority")
    results.add(verdict("joints_nan", passed=False))
    found = json.loads((tmp_path / "faults.json").read_text())
    assert [item["case"] for item in found["verdicts"]] == ["estop", "joints_nan"]
    assert found["scheduling"] == "real-time priority"
    assert "no reaction" in (tmp_path / "faults.html").read_text()
    assert not list(tmp_path.glob(".*"))


def test_resume_keeps_what_was_carried_out_only(tmp_path):
    first = Results(tmp_path, HEADER)
    first.add(verdict("estop"))
    first.add(verdict("joints_drop", passed=False))
    first.add(not_carried_out(CASES["joints_nan"], "approach", "machine too slow"))
    again = Results(tmp_path, HEADER, resume=True)
    assert again.has(CASES["estop"], "approach") and again.has(CASES["joints_drop"], "approach")
    assert not again.has(CASES["joints_nan"], "approach") and not again.has(CASES["estop"], "carry")
    assert Results(tmp_path, HEADER).verdicts == []


def test_resume_refuses_another_campaign_and_what_it_cannot_read(tmp_path):
    assert Results(tmp_path, HEADER, resume=True).verdicts == []  # nothing there: begins
    Results(tmp_path, HEADER).add(verdict("estop"))
    with pytest.raises(ConfigError, match="another campaign"):
        Results(tmp_path, {**HEADER, "key": {"manifest": "b", "mode": "live"}}, resume=True)
    (tmp_path / "faults.json").write_text("{broken")
    with pytest.raises(ConfigError, match="cannot resume"):
        Results(tmp_path, HEADER, resume=True)


def test_the_estimate_counts_what_takes_time():
    one = estimate_s([(CASES["estop"], "approach")], 1)
    assert estimate_s([(CASES["estop"], "approach")] * 2, 1) == pytest.approx(2 * one - estimate_s([], 1))
    killed, stopped = (estimate_s([(CASES[name], "x")], 0) for name in ("policy_killed", "policy_stopped"))
    assert killed - stopped == pytest.approx(REVIVE_S)
    live = [(case, "approach") for case in CASES.values() if case.live]
    assert estimate_s(live, 2) < 12 * 60
    assert spoken(125.4) == "2:05 min"


def test_a_trial_that_was_not_carried_out_has_not_passed():
    found = not_carried_out(CASES["joints_nan"], "approach", "machine too slow")
    assert (found.passed, found.carried_out, found.reaction_periods) == (False, False, None)
    assert found.problems == ["not carried out: machine too slow"]
    assert replace(found, attempts=3).to_dict()["attempts"] == 3
