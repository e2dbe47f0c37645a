import os

import pytest

from policy_nodes.bundle import write
from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.manifest import Manifest, SuccessRecord
from policy_nodes.bundle.write import update_manifest, write_bundle
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle_fixture import make_bundle, manifest_fields, parity_bytes, safety_yaml, tiny_model

RECORD = SuccessRecord(
    task="pick", episodes=10, successes=9, interval_low=0.6, interval_high=0.98, confidence=0.95, first_seed=1
)


def contents() -> dict[str, bytes]:
    return {"policy.onnx": tiny_model().SerializeToString(), "parity.npz": parity_bytes(), "safety.yaml": safety_yaml()}


def test_what_is_written_is_what_is_read(tmp_path):
    (tmp_path / "graph").write_bytes(contents()["policy.onnx"])
    bundle = write_bundle(
        tmp_path / "deep" / "a.keel", manifest_fields(), contents() | {"policy.onnx": tmp_path / "graph"}
    )
    assert bundle.path == tmp_path / "deep" / "a.keel"
    assert load_bundle(bundle.path) == bundle
    assert os.listdir(tmp_path / "deep") == ["a.keel"]
    assert set(os.listdir(bundle.path)) == {*contents(), "manifest.json"}


def test_models_and_json_give_the_same_bundle(tmp_path):
    plain = write_bundle(tmp_path / "a.keel", manifest_fields(), contents())
    fields = {name: getattr(plain.manifest, name) for name in Manifest.model_fields}
    assert write_bundle(tmp_path / "b.keel", fields, contents()).manifest == plain.manifest


def test_an_existing_bundle_is_replaced_and_nothing_else(tmp_path):
    make_bundle(tmp_path, name="a.keel", seed=0)
    old = load_bundle(tmp_path / "a.keel").manifest.digest
    make_bundle(tmp_path, name="a.keel", seed=1)
    assert load_bundle(tmp_path / "a.keel").manifest.digest != old
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years")
    with pytest.raises(BundleError, match="is not a bundle"):
        make_bundle(tmp_path, name="home")
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years"
    assert sorted(os.listdir(tmp_path)) == ["a.keel", "home"]


def test_without_atomic_exchange_it_is_still_replaced_or_restored(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "_exchange", lambda first, second: False)
    make_bundle(tmp_path, name="a.keel", seed=0)
    make_bundle(tmp_path, name="a.keel", seed=1)
    digest = load_bundle(tmp_path / "a.keel").manifest.digest
    real, failed = write.Path.rename, []

    def rename(self, target):
        if self.name.endswith(".tmp") and not failed:
            failed.append(self)
            raise OSError("disk gone")
        return real(self, target)

    monkeypatch.setattr(write.Path, "rename", rename)
    with pytest.raises(OSError, match="disk gone"):
        make_bundle(tmp_path, name="a.keel", seed=2)
    assert load_bundle(tmp_path / "a.keel").manifest.digest == digest
    assert os.listdir(tmp_path) == ["a.keel"]


@pytest.mark.parametrize(
    ("fields", "files", "said"),
    [
        ({"robot": ""}, {}, r"a\.keel/manifest\.json is invalid: robot"),
        ({"timing": {"control_rate_hz": float("nan"), "inference_budget_s": 1}}, {}, "control_rate_hz"),
        ({}, {"policy.onnx": b"junk"}, r"a\.keel: 'policy\.onnx': not an ONNX model"),
        ({}, {"../escape.txt": b"x"}, "is not a file name"),
        ({}, {"manifest.json": b"{}"}, "is not a file name"),
        ({}, {"weights.pkl": b"x"}, "files lists 'weights.pkl'"),
    ],
)
def test_an_invalid_bundle_is_never_put_in_place(tmp_path, fields, files, said):
    with pytest.raises(BundleError, match=said):
        write_bundle(tmp_path / "a.keel", manifest_fields() | fields, contents() | files)
    assert os.listdir(tmp_path) == []


def test_a_missing_source_file_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"nowhere\.onnx"):
        write_bundle(tmp_path / "a.keel", manifest_fields(), contents() | {"policy.onnx": tmp_path / "nowhere.onnx"})
    assert os.listdir(tmp_path) == []


def test_an_interrupted_write_leaves_the_old_bundle_and_no_rubbish(tmp_path, monkeypatch):
    path = make_bundle(tmp_path)
    digest = load_bundle(path).manifest.digest

    def interrupted(directory):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "_sync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_bundle(tmp_path, seed=3)
    assert load_bundle(path).manifest.digest == digest
    assert os.listdir(tmp_path) == [path.name]


def test_update_adds_files_and_measured_success(tmp_path):
    bundle = load_bundle(make_bundle(tmp_path))
    provenance = bundle.manifest.provenance.model_copy(update={"success": RECORD})
    updated = update_manifest(bundle, files={"notes.md": b"# measured"}, provenance=provenance)
    assert load_bundle(bundle.path).manifest.provenance.success == RECORD
    assert updated.read("notes.md") == b"# measured"
    assert updated.manifest.files["policy.onnx"] == bundle.manifest.files["policy.onnx"]
    dropped = update_manifest(updated, files={"notes.md": None})
    assert "notes.md" not in dropped.manifest.files
    assert not (bundle.path / "notes.md").exists()


def test_update_refuses_to_overwrite_what_it_has_not_seen(tmp_path):
    stale = load_bundle(make_bundle(tmp_path))
    update_manifest(stale, task="another task")
    with pytest.raises(BundleError, match="changed on disk"):
        update_manifest(stale, task="a third task")


def test_update_keeps_the_old_bundle_when_the_new_one_is_wrong(tmp_path):
    bundle = load_bundle(make_bundle(tmp_path))
    with pytest.raises(BundleError, match="invalid"):
        update_manifest(bundle, robot=7)
    assert load_bundle(bundle.path).manifest == bundle.manifest
