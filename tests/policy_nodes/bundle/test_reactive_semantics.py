"""What a manifest says about a fast decoder, and every way in which it can contradict itself."""

import copy

import pytest

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.bundle.semantics import problems
from tests.policy_nodes.bundle_fixture import manifest_fields
from tests.policy_nodes.reactive_bundle import FELT, LATENT, REACTION, WINDOW, reactive_policy

NAMES = ("policy.onnx", "parity.npz", "safety.yaml", "policy_fast.onnx", "parity_fast.npz")


def found(change=lambda raw: None):
    raw = manifest_fields() | {"files": dict.fromkeys(NAMES, "0" * 64), "digest": "0" * 64}
    raw["policy"] = copy.deepcopy(reactive_policy(raw))
    raw["parity"]["max_abs_error"]["latent"] = 0.0
    change(raw)
    return problems(Manifest.model_validate(raw))


def fast(**fields):
    return lambda raw: raw["policy"]["reactive"].update(fields)


def test_a_slow_fast_policy_without_contradiction():
    assert found() == []
    raw = manifest_fields() | {"files": dict.fromkeys(NAMES, "0" * 64), "digest": "0" * 64}
    reactive = Manifest.model_validate(raw | {"policy": reactive_policy(raw)}).policy.reactive
    assert reactive.window == WINDOW and [g.file for g in Manifest.model_validate(raw).policy.further] == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (fast(terms=["joint_position", "joint_position"]), "each once"),
        (fast(terms=["wrist_force"]), "out of ['cube_pose', 'joint_position']"),
        (fast(terms=["cube_pose"]), "its inputs and outputs are"),
        (
            fast(inputs=[LATENT, FELT | {"shape": [16, 8]}], outputs=[REACTION | {"shape": [16, 8]}]),
            "plans arrive late",
        ),
        (fast(inputs=[LATENT | {"shape": [7]}, FELT]), "with the same shapes"),
        (fast(inputs=[FELT]), "its inputs and outputs are"),
        (fast(outputs=[REACTION | {"shape": [WINDOW, 7]}]), "with the same shapes"),
        (fast(file="elsewhere.onnx"), "files lacks 'elsewhere.onnx'"),
        (fast(parity={"samples": 4, "tolerance": 1e-5, "max_abs_error": {"action": 1.0}}), "exceeds the tolerance"),
        (lambda raw: raw["policy"].pop("reactive"), "no policy.reactive to read it"),
        (lambda raw: raw["policy"]["outputs"].pop(), "its inputs and outputs are"),
        (lambda raw: raw["timing"].update(chunking={"combine": "blend"}), "plans, not chunks, follow each other"),
        (lambda raw: raw["policy"]["outputs"][-1].update(shape=[2, 4]), "expected one dimension"),
    ],
)
def test_a_contradiction_is_named(change, text):
    assert any(text in sentence for sentence in found(change)), found(change)


def test_what_falls_back_or_is_the_policys_own_is_not_felt():
    def fall_back(raw):
        raw["observations"][0]["terms"][0]["fallback"] = [0.0] * 3 + [-1.0] + [0.0] * 4

    assert any("nothing is felt through it" in sentence for sentence in found(fall_back))
