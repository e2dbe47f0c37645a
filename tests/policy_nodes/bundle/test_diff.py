import pytest

from policy_nodes.bundle.diff import ABSENT, Impact, compare, impact_of, same_behaviour
from policy_nodes.bundle.load import load_bundle
from tests.policy_nodes.bundle.resealing import edit_manifest
from tests.policy_nodes.bundle_fixture import (
    JOINTS,
    make_bundle,
    manifest_fields,
    parity_bytes,
    safety_yaml,
    tiny_model,
)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return load_bundle(make_bundle(tmp_path_factory.mktemp("first")))


def changed(tmp_path, change=lambda raw: None, **options):
    path = make_bundle(tmp_path, **options)
    edit_manifest(path, change)
    return load_bundle(path)


def found(first, second):
    return {item.path: (item.impact, item.before, item.after) for item in compare(first, second)}


def test_a_bundle_equals_its_copy(first, tmp_path):
    assert compare(first, changed(tmp_path)) == []
    assert same_behaviour([])


def test_one_value_of_one_joint_is_named(first, tmp_path):
    second = changed(tmp_path, lambda raw: raw["actions"]["terms"][0]["stiffness"].__setitem__(2, 350.0))
    path = "actions.terms[joint_target].stiffness[panda_joint3]"
    assert found(first, second) == {path: (Impact.MOTION, 400.0, 350.0)}


def test_a_changed_order_is_named_and_not_its_consequences(first, tmp_path):
    def swap(raw):
        term = raw["observations"][0]["terms"][0]
        for key in ("axes", "unit", "minimum", "maximum"):
            term[key][0], term[key][1] = term[key][1], term[key][0]

    result = found(first, changed(tmp_path, swap))
    swapped = [JOINTS[1], JOINTS[0], *JOINTS[2:]]
    path = "observations[observation.state].terms[joint_position].axes (order)"
    assert result == {path: (Impact.MOTION, JOINTS, swapped)}


def test_gravest_first(first, tmp_path):
    def change(raw):
        raw["task"] = "another"
        raw["timing"]["inference_budget_s"] = 0.06
        raw["actions"]["terms"][0]["offset"][0] = 0.1
        raw["observations"][0]["terms"][0]["maximum"][0] = 9.0

    other = yaml_with(velocity=1.0)
    items = compare(first, changed(tmp_path, change, files={"safety.yaml": other}))
    assert [item.impact for item in items] == sorted(item.impact for item in items)
    assert [item.impact.name for item in items] == ["MOTION", "SAFETY", "TIMING", "INPUT", "RECORD"]
    assert items[1].path == "safety.yaml: joints[panda_joint1].velocity"
    assert (items[1].before, items[1].after) == (2.175, 1.0)
    assert not same_behaviour(items)


def yaml_with(velocity):
    return safety_yaml().replace(b"velocity: 2.175", f"velocity: {velocity}".encode(), 1)


def test_other_weights_are_motion_though_every_shape_agrees(first, tmp_path):
    second = changed(tmp_path, seed=1)
    result = found(first, second)
    assert result["policy.onnx (SHA-256)"][0] is Impact.MOTION
    assert result["parity.npz (SHA-256)"][0] is Impact.RECORD
    assert set(result) == {"policy.onnx (SHA-256)", "parity.npz (SHA-256)"}


def test_what_a_graph_declares_is_shown(first, tmp_path):
    model = tiny_model()
    entry = model.metadata_props.add()
    entry.key, entry.value = "joint_names", "a,b"
    model.opset_import[0].version = 18
    result = found(first, changed(tmp_path, files={"policy.onnx": model.SerializeToString()}))
    assert result["policy.onnx: metadata[joint_names]"] == (Impact.MOTION, ABSENT, "a,b")
    assert result["policy.onnx: operator set[ai.onnx]"][1:] == (17, 18)


def test_a_monitor_that_one_of_them_lacks(first, tmp_path):
    result = found(first, changed(tmp_path, files={"monitor.onnx": tiny_model(3).SerializeToString()}))
    assert result["monitor.onnx (SHA-256)"][:2] == (Impact.MONITOR, ABSENT)


def test_provenance_alone_leaves_behaviour_alone(first, tmp_path):
    second = changed(tmp_path, lambda raw: raw["provenance"].update(seed=7))
    assert same_behaviour(compare(first, second))
    assert len(compare(first, second)) == 1


def test_more_recorded_samples(first, tmp_path):
    fields = manifest_fields(6)["parity"]
    second = load_bundle(make_bundle(tmp_path, files={"parity.npz": parity_bytes(6)}, parity=fields))
    assert same_behaviour(compare(first, second))


def test_unreadable_yaml_does_not_stop_the_comparison(first, tmp_path):
    result = found(first, changed(tmp_path, files={"safety.yaml": b"joints: [\n"}))
    assert ("safety.yaml: (unreadable, SHA-256)") in result


@pytest.mark.parametrize(
    ("path", "impact"),
    [
        ("actions.command_topic", Impact.MOTION),
        ("actions.horizon", Impact.TIMING),
        ("observations[s].terms[j].max_age_s", Impact.TIMING),
        ("observations[s].terms[j].topic", Impact.INPUT),
        ("observations[s].terms[j].scale", Impact.MOTION),
        ("observations[s].history", Impact.MOTION),
        ("robot", Impact.MOTION),
        ("name", Impact.RECORD),
        ("policy.sampling_steps", Impact.MOTION),
        ("provenance.seed", Impact.RECORD),
        ("parity.tolerance", Impact.RECORD),
    ],
)
def test_impact(path, impact):
    assert impact_of(path) is impact
