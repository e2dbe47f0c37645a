"""A whole measurement of a policy that stands: every row is there and says so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim.tasks.velocity.tasks import go1_flat
from training.rl import gait_report


def test_measure_and_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gait_report, "COMMANDS", ((0.8, 0.0, 0.0), (0.0, 0.0, 0.0)))
    monkeypatch.setattr(gait_report, "SPEEDS", (0.2,))
    short = {"seconds": 1.0, "settle_s": 0.4}
    tracking, pushes = gait_report.tracking, gait_report.pushes
    monkeypatch.setattr(gait_report, "tracking", lambda *a, **k: tracking(*a, **k, **short))
    monkeypatch.setattr(gait_report, "pushes", lambda *a, **k: pushes(*a, **k, settle_s=0.4, after_s=0.5))

    def stand(obs: np.ndarray) -> np.ndarray:
        return np.zeros((len(obs), 12), dtype=np.float32)

    measured = gait_report.measure(stand, go1_flat(), trials=3, seed=0)
    json.dumps(measured, allow_nan=False)
    walking, standing = measured["tracking_nominal"]
    assert walking["linear_rms"] == pytest.approx(0.8, abs=0.03)
    assert standing["linear_rms"] < 0.2
    assert len(measured["tracking_randomized"]) == 1
    assert [row["survived"] for row in measured["pushes"]] == [3, 3]
    assert measured["randomization"]["friction"] == (0.4, 1.25)
    text = gait_report.table(measured)
    assert len(text.splitlines()) == 2 + 3 + 1 + 2 + 2


def test_robots_that_all_fell_leave_a_dash() -> None:
    row = {
        "command": (0.8, 0.0, 0.0), "linear_rms": None, "mean_error": None, "yaw_rms": None, "falls": 3, "trials": 3,
        "torque": 0.0, "swing_share": None, "step_rate": None,
    }  # fmt: skip
    text = gait_report.table({"tracking_nominal": [row], "tracking_randomized": [], "pushes": []})
    assert "| nominal | - | - | - | 3/3 | 0% of limit | - | - |" in text
