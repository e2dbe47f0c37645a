"""The whole chain on a tiny budget, each link through its command: what a user types must hang together.

Policy quality is not judged here (`make demo` does that); what is judged is that every link accepts what the one before
it made, that the proof holds, and that a fault on the live nodes ends in a backup for the right reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.ros]


def keel(*arguments: object, expect: int | None = 0, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "policy_nodes.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=os.environ)
    assert expect is None or done.returncode == expect, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("chain")
    keel("collect", "--output", root / "dataset", "--episodes", 60)
    steps = ("--config.steps", 1000, "--config.checkpoint-every", 500, "--threads", 2)
    keel("train", "--dataset", root / "dataset", "--output", root / "train", *steps)
    keel("export", "--checkpoint", root / "train", "--dataset", root / "dataset", "--output", root / "tiny.keel")
    return root


@pytest.fixture(scope="module")
def calibrated(chain: Path) -> Path:
    keel("calibrate", chain / "tiny.keel", "--episodes", 24, "--quantile", 0.7)
    return chain / "tiny.keel"


def test_the_bundle_verifies_after_calibration(calibrated: Path) -> None:
    verdicts = json.loads(keel("verify", calibrated, "--json").stdout)
    assert "passed" in json.dumps(verdicts)
    manifest = json.loads((calibrated / "manifest.json").read_text())
    assert max(manifest["parity"]["max_abs_error"].values()) <= 1e-5
    assert {"policy.onnx", "monitor.onnx", "calibration.npz", "safety.yaml", "parity.npz"} <= set(manifest["files"])


def test_an_edited_manifest_is_refused_by_name(calibrated: Path, tmp_path: Path) -> None:
    copy = tmp_path / "edited.keel"
    copy.mkdir()
    for file in calibrated.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    text = (copy / "manifest.json").read_text().replace("panda_joint1", "panda_joint9")
    (copy / "manifest.json").write_text(text)
    done = keel("evaluate", copy, "--episodes", 1, expect=1)
    assert "error:" in done.stderr and "fix:" in done.stderr and "Traceback" not in done.stderr


def test_evaluation_writes_success_with_its_interval(calibrated: Path, chain: Path) -> None:
    keel("evaluate", calibrated, "--episodes", 4, "--output", chain / "evaluation", "--videos", 1, "--record")
    results = json.loads((chain / "evaluation" / "evaluation.json").read_text())
    assert len(results["episodes"]) == 4
    low, high = results["interval"]
    assert low <= results["successes"] / 4 <= high
    assert json.loads((calibrated / "manifest.json").read_text())["provenance"]["success"]["episodes"] == 4
    assert list((chain / "evaluation").glob("rollout_*.webp"))


def test_a_live_fault_ends_in_a_backup_and_the_report_shows_it(calibrated: Path, chain: Path) -> None:
    arguments = ("--sim", "--episodes", 1, "--output", chain / "run", "--faults", "observation_nan")
    keel("run", calibrated, *arguments, "--episode-timeout", 12, expect=None)
    live = json.loads((chain / "run" / "run.json").read_text())
    (fault,) = live["faults"]
    assert fault["reason"] == "OBSERVATION_NOT_FINITE"
    assert fault["backup"] == "jerk_limited_stop"
    assert fault["final_state"] == "STOPPED"
    assert fault["t_first_backup_command"] >= fault["t_detected"] >= fault["t_injected"]
    with np.load(chain / "run" / "trace.npz", allow_pickle=False) as trace:
        assert np.isfinite(trace["command"]).all()
        assert trace["command"].shape[1] == 8
    keel("report", chain, "--output", chain / "report.html")
    page = (chain / "report.html").read_text()
    assert "observation not finite" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
