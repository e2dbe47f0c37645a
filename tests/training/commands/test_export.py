import shutil

from policy_nodes.bundle.load import load_bundle
from policy_nodes.cli import main


def test_export_replaces_a_bundle_and_says_nothing_on_standard_error(training_path, dataset_path, bundle_copy, capfd):
    before = load_bundle(bundle_copy).manifest
    command = ["export", "--checkpoint", training_path, "--dataset", dataset_path, "--output", bundle_copy]
    capfd.readouterr()
    assert main([str(part) for part in [*command, "--samples", 3, "--name", "again"]]) == 0
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("bundle ") and captured.out.count("\n") == 1 and "3 recorded" in captured.out
    after = load_bundle(bundle_copy).manifest
    assert (after.name, after.parity.samples) == ("again", 3)
    assert after.provenance.dataset_sha256 == before.provenance.dataset_sha256
    assert after.files["safety.yaml"] == before.files["safety.yaml"]


def test_no_checkpoint(tmp_path, dataset_path, refused):
    command = ["export", "--dataset", dataset_path, "--output", tmp_path / "x.keel", "--checkpoint"]
    cause, fix = refused(*command, tmp_path)
    assert "is not a training checkpoint" in cause and "keel train --output" in fix
    assert list(tmp_path.iterdir()) == []


def test_damaged_weights(tmp_path, training_path, dataset_path, refused):
    copy = shutil.copytree(training_path, tmp_path / "train")
    (copy / "checkpoints/last/ema.safetensors").write_bytes(b"\x10")
    cause, _ = refused("export", "--checkpoint", copy, "--dataset", dataset_path, "--output", tmp_path / "x.keel")
    assert "ema.safetensors' cannot be read" in cause


def test_an_existing_directory_that_is_no_bundle_is_left_alone(
    tmp_path, training_path, dataset_path, bundle_path, refused, monkeypatch
):
    graph = (bundle_path / "policy.onnx").read_bytes()
    monkeypatch.setattr("training.export.bundle.export_graph", lambda *args: graph)  # exporting takes seconds
    (tmp_path / "x.keel").mkdir()
    (tmp_path / "x.keel/thesis.txt").write_text("years of work")
    command = ["export", "--checkpoint", training_path, "--dataset", dataset_path, "--output", tmp_path / "x.keel"]
    cause, _ = refused(*command)
    assert "exists and is not a bundle" in cause
    assert (tmp_path / "x.keel/thesis.txt").read_text() == "years of work"
    assert "--samples is 0" in refused(*command, "--samples", 0)[0]
