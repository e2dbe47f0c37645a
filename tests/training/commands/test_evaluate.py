import json

import pytest

from policy_nodes.bundle.load import load_bundle
from training.commands import evaluate
from training.commands.evaluate import Args


def test_two_short_episodes_measured_and_recorded(bundle_copy, tmp_path, capsys):
    output = tmp_path / "evaluation"
    output.mkdir()
    (output / "rollout_1.webp").touch()  # of an earlier evaluation
    (output / "notes.txt").touch()
    assert evaluate.run(Args(bundle_copy, output, episodes=2, seconds=0.4, record=True, confidence=0.9)) == 0
    text = capsys.readouterr().out
    assert "success 0/2 = 0.000 (90% Wilson interval 0.000..0.575)" in text and "seed 100000: timeout" in text
    assert sorted(p.name for p in output.iterdir()) == ["config.json", "evaluation.json", "notes.txt", "scores.npz"]
    result = json.loads((output / "evaluation.json").read_text())
    assert [e["seed"] for e in result["episodes"]] == [100000, 100001]
    assert result["policy_sha256"] == load_bundle(bundle_copy).manifest.files["policy.onnx"]
    assert json.loads((output / "config.json").read_text())["arguments"]["seconds"] == 0.4
    record = load_bundle(bundle_copy).manifest.provenance.success
    assert (record.successes, record.episodes, record.first_seed, record.confidence) == (0, 2, 100000, 0.9)


def test_nothing_is_written_without_being_asked(bundle_copy, tmp_path):
    before = load_bundle(bundle_copy).manifest.digest
    assert evaluate.run(Args(bundle_copy, episodes=1, seconds=0.2)) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.keel"]
    assert load_bundle(bundle_copy).manifest.digest == before


@pytest.mark.parametrize(
    ("option", "value"),
    [("--episodes", 0), ("--seconds", 0), ("--seconds", "nan"), ("--confidence", 1.0), ("--seed", -1), ("--videos", 2),
     ("--videos", -1)],
)  # fmt: skip
def test_impossible_options_are_refused_before_anything_is_simulated(bundle_path, refused, option, value):
    cause, fix = refused("evaluate", bundle_path, option, value)
    assert option in cause and fix


def test_videos_need_an_output(bundle_path, refused):
    cause, fix = refused("evaluate", bundle_path, "--videos", 1)
    assert "--videos is 1 without --output" in cause and "--output DIRECTORY" in fix


def test_reacting_needs_a_failure_predictor(bundle_path, refused):
    cause, fix = refused("evaluate", bundle_path, "--react")
    assert "no failure predictor" in cause and "keel calibrate" in fix


def test_a_corrupt_an_edited_and_no_bundle(bundle_copy, tmp_path, refused):
    assert "does not exist" in refused("evaluate", tmp_path / "absent.keel")[0]
    graph = bundle_copy / "policy.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    assert "'policy.onnx' was changed after export" in refused("evaluate", bundle_copy)[0]
    manifest = bundle_copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace("panda_joint1", "joint_one"))
    assert "was edited after export" in refused("evaluate", bundle_copy)[0]


def test_an_absent_provider(bundle_path, refused):
    cause, _ = refused("evaluate", bundle_path, "--provider", "abacus")
    assert "abacus" in cause


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shifted", "--detect"), "--shifted goes with none of"),
        (("--causes", "none"), "--causes names causes of failure, but --detect"),
        (("--shifts", "nominal"), "--shifts names changed worlds, but --shifted"),
        (("--detect", "--each", 0), "--each is 0"),
        (("--detect", "--record"), "--detect goes with none of"),
        (("--execution-horizon", -1), "--execution-horizon is -1"),
        (("--execution-horizon", 4, "--detect"), "--execution-horizon is 4"),
        (("--sampling-steps", -1), "--sampling-steps is -1"),
        (("--sampling-steps", 4, "--record"), "--sampling-steps is 4"),
        (("--sampling-steps", 2, "--episodes", 1), "has no step graph"),
        (("--latency-sweep", "nan"), "--latency-sweep holds nan"),
        (("--latency-sweep", 0, 1e6), "--latency-sweep holds 1000000"),
    ],
)
def test_options_that_do_not_go_together_are_refused(bundle_path, refused, options, said):
    cause, fix = refused("evaluate", bundle_path, *options)
    assert said in cause and fix
