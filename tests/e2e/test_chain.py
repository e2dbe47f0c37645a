"""The offline chain on a tiny budget, each link through its command: what a user types must hang together.

Policy quality is not judged here (`make demo` does that); what is judged is that every link accepts what the one before
it made, and that the proof holds. What the nodes do with a bundle is `test_live.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.command import keel

pytestmark = [pytest.mark.e2e, pytest.mark.pure]
TASK = "metaworld/drawer-open-v3"
"""Learnt in 500 steps, so that calibration finds the successful episodes it needs."""


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("chain")
    keel("collect", "--task", TASK, "--output", root / "dataset", "--episodes", 30, "--workers", 1)
    steps = ("--config.steps", 500, "--config.batch-size", 64, "--config.checkpoint-every", 250, "--threads", 1)
    keel("train", "--dataset", root / "dataset", "--output", root / "train", *steps)
    keel("export", "--checkpoint", root / "train", "--dataset", root / "dataset", "--output", root / "tiny.keel")
    return root


@pytest.fixture(scope="module")
def calibrated(chain: Path) -> Path:
    keel("calibrate", chain / "tiny.keel", "--episodes", 16, "--quantile", 0.7)
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
    text = (copy / "manifest.json").read_text().replace('"hand_x"', '"hand_u"')
    (copy / "manifest.json").write_text(text)
    done = keel("evaluate", copy, "--episodes", 1, expect=1)
    assert "error:" in done.stderr and "fix:" in done.stderr and "Traceback" not in done.stderr


def test_evaluation_writes_success_with_its_interval(calibrated: Path, chain: Path) -> None:
    keel("evaluate", calibrated, "--episodes", 2, "--output", chain / "evaluation", "--videos", 1, "--record")
    results = json.loads((chain / "evaluation" / "evaluation.json").read_text())
    assert len(results["episodes"]) == 2
    low, high = results["interval"]
    assert low <= results["successes"] / 2 <= high
    assert json.loads((calibrated / "manifest.json").read_text())["provenance"]["success"]["episodes"] == 2
    assert list((chain / "evaluation").glob("rollout_*.webp"))
