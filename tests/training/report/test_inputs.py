import json

import pytest

from tests.training.report.synthetic import write_bundle, write_evaluation, write_training
from training.report.files import ReportError
from training.report.inputs import load_inputs


def test_a_full_run_is_read_whole(full_run):
    inputs = load_inputs(full_run)
    assert inputs.bundle is not None and inputs.bundle.manifest.robot == "panda"
    assert inputs.bundle.calibration is not None and inputs.bundle.calibration["quantile"] == 0.95
    assert inputs.training is not None and len(inputs.training) == 240
    assert inputs.evaluation is not None and inputs.scores is not None
    assert len(inputs.scores) == len(inputs.evaluation.episodes) == 60
    assert [path.name for path in inputs.rollouts] == ["rollout_10000.webp", "rollout_10023.webp"]
    assert inputs.live is not None and len(inputs.live.faults) == len(inputs.clips) == 3
    assert inputs.trace is not None and inputs.trace.joint_names[0] == "panda_joint1"


def test_what_is_missing_is_none(tmp_path):
    write_training(tmp_path)
    inputs = load_inputs(tmp_path)
    assert inputs.bundle is inputs.evaluation is inputs.scores is inputs.live is inputs.trace is None


def test_an_empty_directory_has_nothing_to_report(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ReportError, match="nothing to report") as caught:
        load_inputs(tmp_path)
    assert "keel evaluate" in caught.value.fix


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(ReportError, match="nowhere"):
        load_inputs(tmp_path / "nowhere")


def test_an_edited_manifest_is_refused(tmp_path):
    bundle = write_bundle(tmp_path)
    data = json.loads((bundle / "manifest.json").read_text())
    data["parity"]["max_abs_error"]["action"] = 0.0
    (bundle / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(ReportError, match=r"manifest\.json.*edited"):
        load_inputs(tmp_path)


def test_a_bundle_without_manifest_is_refused(tmp_path):
    (tmp_path / "x.keel").mkdir()
    with pytest.raises(ReportError, match=r"manifest\.json"):
        load_inputs(tmp_path)


def test_damaged_calibration_is_refused(tmp_path):
    (write_bundle(tmp_path) / "calibration.npz").write_bytes(b"PK broken")
    with pytest.raises(ReportError, match=r"calibration\.npz") as caught:
        load_inputs(tmp_path)
    assert "keel calibrate" in caught.value.fix


def test_of_several_bundles_the_evaluated_one_is_taken(tmp_path):
    write_bundle(tmp_path, "other")
    write_bundle(tmp_path)
    with pytest.raises(ReportError, match="2 bundles"):
        load_inputs(tmp_path)
    write_evaluation(tmp_path, episodes=3, failures=(1,))
    bundle = load_inputs(tmp_path).bundle
    assert bundle is not None and bundle.path.name == "panda_pick_place.keel"


def test_scores_of_more_episodes_than_evaluated_are_refused(tmp_path):
    write_evaluation(tmp_path, episodes=3, failures=(1,))
    path = tmp_path / "evaluation/evaluation.json"
    document = json.loads(path.read_text())
    document |= {"episodes": document["episodes"][:2], "successes": 1, "interval": [0.1, 0.9]}
    path.write_text(json.dumps(document))
    with pytest.raises(ReportError, match="time_2"):
        load_inputs(tmp_path)
