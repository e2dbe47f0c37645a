"""Cameras in the contract: what must agree, and what a bundle with them may hold."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from pydantic import ValidationError

from policy_nodes.bundle.diff import Impact, compare, impact_of
from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.manifest import ImageFeature, Manifest
from policy_nodes.bundle.semantics import problems
from policy_nodes.commands.verify import verify
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle_fixture import manifest_fields, npz_bytes
from tests.policy_nodes.camera_bundle import TOP, WRIST, camera_bundle, camera_fields, camera_model, cameras, pictures


def parsed(change=lambda raw: None):
    raw = manifest_fields() | camera_fields() | {"digest": "0" * 64}
    raw["files"] = dict.fromkeys(("policy.onnx", "parity.npz", "safety.yaml"), "0" * 64)
    change(raw)
    return Manifest.model_validate(raw)


def test_a_contract_with_cameras_is_sound():
    manifest = parsed()
    assert problems(manifest) == []
    assert [(image.name, image.shape, image.history) for image in manifest.images] == [
        (TOP, (6, 8, 3), 2),
        (WRIST, (4, 4, 3), 1),
    ]


def test_bundles_without_cameras_have_none():
    raw = manifest_fields() | {"files": {}, "digest": "0" * 64}
    assert Manifest.model_validate(raw).images == []


def tensor(raw, name):
    return next(entry for entry in raw["policy"]["inputs"] if entry["name"] == name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw["images"].append(raw["images"][0]), f"feature '{TOP}' appears twice"),
        (lambda raw: raw["images"][0].update(name="joint_position"), "term 'joint_position' appears twice"),
        (lambda raw: raw["images"].pop(), f"'{WRIST}' is none of the images"),
        (lambda raw: raw["policy"]["inputs"].pop(), f"no input of role image is named '{WRIST}'"),
        (lambda raw: tensor(raw, TOP).update(dtype="float32"), "role image has dtype float32, expected uint8"),
        (lambda raw: tensor(raw, "observation.state").update(dtype="uint8"), "has dtype uint8, expected float32"),
        (lambda raw: tensor(raw, TOP).update(shape=[2, 3, 6, 8]), "expected [2, 6, 8, 3]"),
        (lambda raw: raw["images"][0].update(history=1), "expected [1, 6, 8, 3]"),
        (lambda raw: raw["timing"].update(observation_delay_s=0.5), f"'{TOP}': max_age_s is not above"),
        (lambda raw: raw["policy"]["outputs"][1].update(role="image"), "has the role 'image' of an input"),
    ],
)
def test_contradictions_are_named(change, said):
    assert any(said in sentence for sentence in problems(parsed(change))), problems(parsed(change))


@pytest.mark.parametrize(
    ("field", "value"),
    [("height", 0), ("width", 9000), ("encoding", "yuv422"), ("history", 65), ("max_age_s", 0.0), ("colour", "red"),
     ("message_type", "sensor_msgs/msg/CompressedImage"), ("topic", "no topic")],
)  # fmt: skip
def test_values_out_of_range(field, value):
    with pytest.raises(ValidationError, match=field):
        ImageFeature.model_validate(cameras()[0] | {field: value})


@pytest.mark.parametrize(("encoding", "channels"), [("rgb8", 3), ("bgr8", 3), ("mono8", 1)])
def test_channels(encoding, channels):
    assert ImageFeature.model_validate(cameras()[0] | {"encoding": encoding}).shape == (6, 8, channels)


@pytest.fixture
def bundle(tmp_path):
    return camera_bundle(tmp_path)


def test_a_bundle_with_cameras_verifies(bundle):
    checks = {check.item: check for check in verify(bundle, calls=5)}
    assert {name: check.status for name, check in checks.items() if check.status == "fail"} == {}
    assert checks["parity"].status == "ok" and "4 samples" in checks["parity"].detail


def test_pictures_of_another_type_are_refused_in_graph_and_proof(tmp_path):
    model = camera_model(0.4)
    model.graph.input[1].CopyFrom(helper.make_tensor_value_info(TOP, TensorProto.FLOAT, ["batch", 2, 6, 8, 3]))
    with pytest.raises(BundleError, match=f"'{TOP}' is not uint8"):
        camera_bundle(tmp_path, name="a.keel", files={"policy.onnx": model.SerializeToString()})
    arrays = {f"input/{name}": value.astype(np.float32) for name, value in pictures(4).items()}
    arrays |= {"input/observation.state": np.zeros((4, 2, 8), np.float32)}
    arrays |= {"output/action": np.zeros((4, 16, 8), np.float32), "output/embedding": np.zeros((4, 6), np.float32)}
    with pytest.raises(BundleError, match=r"is float32 .*expected uint8"):
        camera_bundle(tmp_path, name="b.keel", files={"parity.npz": npz_bytes(arrays)})


def test_differences_of_cameras_are_ordered_by_what_they_change(bundle, tmp_path):
    other = camera_bundle(tmp_path, name="other.keel", images=cameras(topic="/elsewhere", max_age_s=0.3))
    found = {d.path: d.impact for d in compare(load_bundle(bundle), load_bundle(other)) if d.path.startswith("images")}
    assert found[f"images[{TOP}].topic"] is Impact.INPUT and found[f"images[{WRIST}].max_age_s"] is Impact.TIMING
    assert len(found) == 4
    assert impact_of(f"images[{TOP}].encoding") is Impact.MOTION and impact_of("images (order)") is Impact.MOTION
