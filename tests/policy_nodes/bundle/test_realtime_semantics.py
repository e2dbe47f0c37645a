import pytest

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.bundle.semantics import problems
from tests.policy_nodes.bundle_fixture import manifest_fields

FILES = dict.fromkeys(("policy.onnx", "parity.npz", "safety.yaml", "guided.onnx", "guided.npz"), "0" * 64)
EXTRA = [
    {"name": "previous_chunk", "role": "previous_chunk", "shape": [16, 8]},
    {"name": "prefix_weights", "role": "prefix_weights", "shape": [16]},
]


def variant(**changes):
    fields = manifest_fields()
    return {
        "name": "guided_5",
        "method": "guided",
        "evaluations": 5,
        "file": "guided.onnx",
        "parity_file": "guided.npz",
        "inputs": [*fields["policy"]["inputs"], *EXTRA],
        "outputs": fields["policy"]["outputs"],
        "parity": fields["parity"],
    } | changes


def found(*variants, **timing):
    raw = manifest_fields() | {"files": dict(FILES), "digest": "0" * 64}
    raw["policy"]["variants"] = list(variants)
    raw["timing"] |= timing
    return problems(Manifest.model_validate(raw))


def test_old_bundles_get_the_behaviour_they_always_had():
    timing = Manifest.model_validate(manifest_fields() | {"files": FILES, "digest": "0" * 64}).timing
    assert (timing.chunking.replan, timing.chunking.combine, timing.warm_start.method) == ("fixed", "newest", "full")


def test_a_guided_graph_without_contradiction():
    assert found(variant(), warm_start={"method": "guided"}) == []
    assert found(variant(), warm_start={"method": "guided", "variant": "guided_5"}) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"inputs": variant()["inputs"][:-1]}, "needs inputs"),
        ({"method": "full"}, "needs inputs"),
        ({"inputs": variant()["inputs"][1:]}, "observation and noise inputs differ"),
        ({"outputs": variant()["outputs"][:1]}, "outputs differ"),
        ({"file": "other.onnx"}, "files lacks 'other.onnx'"),
        ({"parity_file": "parity.npz"}, "share a name or a file"),
        ({"inputs": [*variant()["inputs"][:-1], EXTRA[1] | {"shape": [15]}]}, "expected [16]"),
        ({"parity": {"samples": 4, "tolerance": 1e-5, "max_abs_error": {"action": 1e-7}}}, "the outputs are"),
        ({"parity": {"samples": 4, "tolerance": 1e-5, "max_abs_error": {"action": 1, "embedding": 0}}}, "exceeds"),
    ],
)
def test_a_graph_that_cannot_stand_in_is_named(changes, text):
    sentences = found(variant(**changes))
    assert any(text in sentence for sentence in sentences), sentences


def test_more_rows_of_noise_are_not_a_contradiction():
    inputs = [t | {"shape": [48, 8]} if t["role"] == "noise" else t for t in variant()["inputs"]]
    assert found(variant(inputs=inputs)) == []


def test_two_graphs_may_not_share_a_name():
    assert any("share a name" in sentence for sentence in found(variant(), variant()))


@pytest.mark.parametrize(
    ("timing", "text"),
    [
        ({"warm_start": {"method": "prefix"}}, "has the method 'prefix'"),
        ({"warm_start": {"method": "guided", "variant": "x"}}, "'x' is none of ['guided_5']"),
        ({"chunking": {"replan": "on_remaining", "remaining_steps": 16}}, "not below the horizon"),
        ({"warm_start": {"method": "guided"}, "chunking": {"combine": "ensemble"}}, "exclude each other"),
    ],
)
def test_settings_that_cannot_be_carried_out_are_named(timing, text):
    sentences = found(variant(), **timing)
    assert any(text in sentence for sentence in sentences), sentences


def test_a_variant_without_a_method_that_uses_it_is_refused():
    with pytest.raises(ValueError, match="the method is 'full'"):
        found(variant(), warm_start={"variant": "guided_5"})
