"""The fault campaign's matrix on the run's page."""

import json
from datetime import datetime, timezone

import pytest

from training.report.files import ReportError
from training.report.inputs import load_inputs
from training.report.page import render

TRIAL = {"phase": "carry", "problems": [], "expected": "estop", "reaction_periods": 0.4}
SEEN = {"detected_s": 1.0, "state": "STOPPED", "reason": "estop", "category": 1, "limit_use": {"jerk": 0.9}}


def results(**changes):
    failed = {**TRIAL, "case": "joints_nan", "passed": False, "problems": ["<b>late"], "seen": SEEN}
    verdicts = [{**TRIAL, "case": "estop", "passed": True, "seen": SEEN}, failed]
    values = {"bundle": "b", "mode": "live nodes", "period_s": 0.02, "allowed_periods": 2.0, "verdicts": verdicts}
    return values | changes


def test_the_matrix_is_on_the_page_and_escaped(tmp_path):
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults/faults.json").write_text(json.dumps(results()))
    page = render(load_inputs(tmp_path), datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert "1 of 2 trials as declared: 2 faults, live nodes" in page
    assert "&lt;b&gt;late" in page and "<b>late" not in page
    assert "the emergency stop is pressed" in page


def test_a_damaged_campaign_is_named(tmp_path):
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults/faults.json").write_text(json.dumps(results(period_s=-1)))
    with pytest.raises(ReportError, match="period_s"):
        load_inputs(tmp_path)
