"""A fault on the live nodes of a shipped bundle ends in a backup for the right reason, and the report shows it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import keel

pytestmark = [pytest.mark.e2e, pytest.mark.ros]
SHIPPED = Path(__file__).parents[2] / "examples/panda_pick_place.keel"


def test_a_live_fault_ends_in_a_backup_and_the_report_shows_it(tmp_path: Path) -> None:
    bundle = shutil.copytree(SHIPPED, tmp_path / SHIPPED.name)
    arguments = ("--sim", "--episodes", 1, "--output", tmp_path / "run", "--faults", "observation_nan")
    keel("run", bundle, *arguments, "--episode-timeout", 12, expect=None)
    live = json.loads((tmp_path / "run" / "run.json").read_text())
    (fault,) = live["faults"]
    assert fault["reason"] == "OBSERVATION_NOT_FINITE"
    assert fault["backup"] == "jerk_limited_stop"
    assert fault["final_state"] == "STOPPED"
    assert fault["t_first_backup_command"] >= fault["t_detected"] >= fault["t_injected"]
    with np.load(tmp_path / "run" / "trace.npz", allow_pickle=False) as trace:
        assert np.isfinite(trace["command"]).all()
        assert trace["command"].shape[1] == 8
    keel("report", tmp_path, "--output", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "observation not finite" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
