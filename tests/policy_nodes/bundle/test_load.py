import os
import pickle
import shutil

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from policy_nodes.bundle import limits
from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle.resealing import edit_manifest, replace_file
from tests.policy_nodes.bundle_fixture import make_bundle, npz_bytes, parity_bytes, tiny_model


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def bundle(original, tmp_path):
    return shutil.copytree(original, tmp_path / "tiny.keel")


def refused(path, said: str) -> BundleError:
    with pytest.raises(BundleError, match=said) as caught:
        load_bundle(path)
    assert caught.value.fix
    return caught.value


def test_a_valid_bundle_loads(bundle):
    loaded = load_bundle(bundle)
    assert loaded.manifest.name == "pick-place-tiny"
    assert loaded.file("policy.onnx") == bundle / "policy.onnx"
    assert loaded.read("safety.yaml") == (bundle / "safety.yaml").read_bytes()


def test_a_link_to_a_bundle_is_as_good_as_the_bundle(bundle, tmp_path):
    (tmp_path / "latest").symlink_to(bundle)
    assert load_bundle(tmp_path / "latest").path == bundle


def test_unlisted_names_and_later_changes_are_refused(bundle):
    loaded = load_bundle(bundle)
    with pytest.raises(BundleError, match=r"has no 'monitor\.onnx'") as caught:
        loaded.file("monitor.onnx")
    assert "keel calibrate" in caught.value.fix
    with pytest.raises(BundleError, match="has no"):
        loaded.file("../secret")
    (bundle / "policy.onnx").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"'policy\.onnx' was changed"):
        loaded.read("policy.onnx")
    (bundle / "policy.onnx").unlink()
    with pytest.raises(BundleError, match=r"cannot read 'policy\.onnx'"):
        loaded.read("policy.onnx")


def test_no_directory_no_manifest(tmp_path):
    refused(tmp_path / "none.keel", "does not exist")
    (tmp_path / "file.keel").write_text("x")
    refused(tmp_path / "file.keel", "is not a directory")
    (tmp_path / "empty.keel").mkdir()
    refused(tmp_path / "empty.keel", r"holds no manifest\.json")


@pytest.mark.parametrize("data", [b"\xff", b"{", b"[]", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 10_000])
def test_manifest_that_is_no_json(bundle, data):
    (bundle / "manifest.json").write_bytes(data)
    refused(bundle, r"tiny\.keel/manifest\.json is not valid JSON")


def test_manifest_too_large_or_empty(bundle, monkeypatch):
    monkeypatch.setattr("policy_nodes.bundle.files.MAX_MANIFEST_BYTES", 100)
    refused(bundle, r"'manifest\.json' has \d+ bytes")
    (bundle / "manifest.json").write_bytes(b"")
    refused(bundle, "has 0 bytes")


def test_an_edited_manifest(bundle):
    edit_manifest(bundle, lambda raw: raw["actions"].update(step_s=0.05), reseal=False)
    assert "edit" in refused(bundle, "edited after export").fix


def test_a_newer_schema_asks_for_an_update_not_for_a_repair(bundle):
    edit_manifest(bundle, lambda raw: raw.update(schema_version=2, novelty=True), reseal=False)
    assert "update Keel" in refused(bundle, "schema version 2, this Keel reads up to 1").fix


def test_schema_errors_are_readable(bundle):
    def change(raw):
        raw["actions"]["terms"][0]["mode"] = "telepathy"
        raw["timing"]["control_rate_hz"] = "fast"
        raw["surprise"] = 1
        del raw["robot"]

    edit_manifest(bundle, change)
    cause = refused(bundle, "is invalid").cause
    assert "actions.terms[0].mode: Input should be 'position'" in cause
    assert "timing.control_rate_hz: " in cause
    assert "surprise: Extra inputs are not permitted" in cause
    assert "robot: Field required" in cause
    assert "pydantic" not in cause


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw["timing"].update(control_rate_hz="50"),
        lambda raw: raw["provenance"].update(seed=True),
        lambda raw: raw["provenance"].update(seed=1.0),
        lambda raw: raw["policy"].update(sampling_steps=1.5),
        lambda raw: raw.update(schema_version=True),
        lambda raw: raw.update(schema_version="1"),
    ],
)
def test_values_are_not_coerced(bundle, change):
    edit_manifest(bundle, change)
    refused(bundle, "is invalid")


def test_a_manifest_without_digest_is_incomplete(bundle):
    edit_manifest(bundle, lambda raw: raw.pop("digest"), reseal=False)
    refused(bundle, "digest: Field required")


def test_many_errors_are_counted_not_listed(bundle):
    edit_manifest(bundle, lambda raw: raw.update({f"extra{index}": 1 for index in range(50)}))
    error = refused(bundle, "and 44 more")
    assert len(error.cause) < 1000


def test_contradictions_are_listed(bundle):
    edit_manifest(bundle, lambda raw: raw["actions"].update(horizon=15))
    refused(bundle, r"contradicts itself: policy: 'action' has shape \[16, 8\], expected \[15, 8\]")


@pytest.mark.parametrize("name", ["policy.onnx", "parity.npz", "safety.yaml"])
def test_missing_file(bundle, name):
    (bundle / name).unlink()
    refused(bundle, f"file '{name}' is missing")


@pytest.mark.parametrize("name", ["policy.onnx", "parity.npz", "safety.yaml"])
def test_one_bit(bundle, name):
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    refused(bundle, f"'{name}' was changed after export")


@pytest.mark.parametrize("name", ["extra.txt", ".hidden", "weights.pkl", "sub"])
def test_extra_entries(bundle, name):
    (bundle / name).mkdir() if name == "sub" else (bundle / name).write_text("x")
    refused(bundle, f"'{name}' is not listed")


@pytest.mark.parametrize("kind", ["link", "directory", "pipe"])
def test_links_directories_and_pipes_are_no_files(bundle, tmp_path, kind):
    target = bundle / "safety.yaml"
    shutil.move(target, tmp_path / "saved")
    if kind == "link":
        target.symlink_to(tmp_path / "saved")
    elif kind == "directory":
        target.mkdir()
    else:
        os.mkfifo(target)
    refused(bundle, r"'safety\.yaml' is not a plain file")


def test_linked_manifest(bundle, tmp_path):
    shutil.move(bundle / "manifest.json", tmp_path / "m.json")
    (bundle / "manifest.json").symlink_to(tmp_path / "m.json")
    refused(bundle, r"'manifest\.json' is not a plain file")


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/etc/passwd", "a/b.txt", "..", ".txt", "model.pt", "x.pkl", "manifest.json"]
)
def test_names_that_lead_elsewhere_or_to_code(bundle, name):
    edit_manifest(bundle, lambda raw: raw["files"].update({name: "0" * 64}))
    with pytest.raises(BundleError, match="files"):
        load_bundle(bundle)


def test_sizes_beyond_reason(bundle, monkeypatch):
    monkeypatch.setitem(limits.MAX_FILE_BYTES, ".npz", 100)
    refused(bundle, r"'parity\.npz' has \d+ bytes; allowed are 1 to 100")
    monkeypatch.undo()
    monkeypatch.setattr("policy_nodes.bundle.files.MAX_TOTAL_BYTES", 100)
    refused(bundle, "its files total")
    monkeypatch.undo()
    monkeypatch.setattr("policy_nodes.bundle.files.MAX_FILES", 2)
    refused(bundle, "lists 3 files")


def test_pickle_inside_allowed_files(bundle):
    replace_file(bundle, "parity.npz", pickle.dumps([1]))
    refused(bundle, r"'parity\.npz': not an \.npz archive")
    replace_file(bundle, "parity.npz", npz_bytes({"x": np.array([{}], dtype=object)}))
    refused(bundle, "would need pickle")


def test_python_tags_in_yaml_and_binary_text(bundle):
    replace_file(bundle, "safety.yaml", b"!!python/object/apply:os.system ['true']")
    refused(bundle, r"'safety\.yaml': is not plain text")
    replace_file(bundle, "safety.yaml", b"\xff\x00")
    refused(bundle, r"'safety\.yaml'")


def test_extra_json_is_checked(bundle):
    replace_file(bundle, "card.json", b'{"a": 1, "a": 2}')
    refused(bundle, r"'card\.json': key 'a' appears twice")


def test_parity_data_must_fit_the_graph(bundle):
    replace_file(bundle, "parity.npz", parity_bytes(samples=5))
    refused(bundle, r"is float32 \[5, 2, 8\], expected float32 \[4, 2, 8\]")
    replace_file(bundle, "parity.npz", npz_bytes({"input/noise": np.zeros(1)}))
    refused(bundle, "holds \\['input/noise'\\], expected")


def graph_with(change) -> bytes:
    proto = tiny_model()
    change(proto.graph)
    return proto.SerializeToString()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (graph_with(lambda g: g.output.reverse()), ""),
        (graph_with(lambda g: setattr(g.input[2], "name", "noisy")), "the graph has inputs"),
        (graph_with(lambda g: g.output.pop()), "the graph has outputs"),
        (
            graph_with(lambda g: setattr(g.input[0].type.tensor_type.shape.dim[2], "dim_value", 9)),
            "has shape \\[2, 9\\]",
        ),
        (graph_with(lambda g: setattr(g.input[0].type.tensor_type, "elem_type", TensorProto.DOUBLE)), "not float32"),
        (tiny_model(batch=1).SerializeToString(), "fixed batch"),
        (b"not a model", "not an ONNX model"),
    ],
)
def test_graph_against_contract(bundle, data, said):
    replace_file(bundle, "policy.onnx", data)
    if said:
        refused(bundle, said)
    else:
        load_bundle(bundle)


def test_external_data(bundle):
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    replace_file(bundle, "policy.onnx", graph_with(lambda g: g.initializer.append(tensor)))
    refused(bundle, "'w' keeps its data outside")


def test_hidden_randomness(bundle):
    node = helper.make_node("RandomNormal", [], ["r"], shape=[1])
    replace_file(bundle, "policy.onnx", graph_with(lambda g: g.node.append(node)))
    refused(bundle, "noise must be an input")


def test_without_file_hashes_the_rest_is_still_checked(bundle):
    data = (bundle / "safety.yaml").read_bytes()
    (bundle / "safety.yaml").write_bytes(data.replace(b"velocity", b"VELOCITY"))
    assert load_bundle(bundle, check_files=False)
    (bundle / "extra.txt").write_text("x")
    with pytest.raises(BundleError, match="not listed"):
        load_bundle(bundle, check_files=False)
