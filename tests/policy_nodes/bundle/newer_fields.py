"""A bundle with every optional part of the manifest, and ways to break those parts, for the fuzz test."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from onnx import TensorProto, helper

from policy_nodes.bundle.hashing import manifest_digest
from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.write import update_manifest
from tests.policy_nodes.bundle_fixture import ACTIONS, HORIZON, npz_bytes, observation_arrays, reference, tiny_model
from tests.policy_nodes.continued_bundle import make_continued_bundle

PARTS = (("images",), ("timing", "chunking"), ("timing", "warm_start"), ("policy", "variants"),
         ("policy", "step_graph"), ("policy", "reduced"), ("sim2sim",))  # fmt: skip
REQUIRED = {
    "topic", "height", "width", "file", "parity_file", "inputs", "outputs", "parity", "evaluations",
    "schedules", "steps", "rows", "draws", "mix", "precision", "source_digest", "max_abs_error", "calibration_samples",
    "episodes", "first_seed", "successes", "source_successes", "policy_sha256", "shift", "description", "min_success",
    "samples", "tolerance", "role", "shape",
}  # fmt: skip


def step_model():
    """The tiny graph as one evaluation: the noise is the sample, and the estimate is the sample again."""
    model = tiny_model()
    graph = model.graph
    for value in graph.input:
        if value.name == "noise":
            value.name = "sample"
    for node in graph.node:
        node.input[:] = ["sample" if name == "noise" else name for name in node.input]
    graph.input.append(helper.make_tensor_value_info("row", TensorProto.FLOAT, ["batch", 1]))
    graph.output.append(helper.make_tensor_value_info("estimate", TensorProto.FLOAT, ["batch", HORIZON, ACTIONS]))
    graph.node.append(helper.make_node("Identity", ["sample"], ["estimate"]))
    return model


def make_full_bundle(tmp_path: Path) -> Path:
    """Variants, step graph, reduced precision, sim-to-sim gate, chunking and warm start in one bundle."""
    warm = {"method": "warm_start", "variant": "warm_start_2", "noise_scale": 0.2, "restart_fraction": 0.1}
    chunking = {"replan": "on_remaining", "remaining_steps": 2, "combine": "newest", "ensemble_decay": 0.02}
    bundle = load_bundle(make_continued_bundle(tmp_path, timing={"chunking": chunking, "warm_start": warm}))
    policy = bundle.manifest.policy.model_dump(mode="json")
    given = observation_arrays(4)
    arrays = {f"input/{name}": value for name, value in given.items() if name != "noise"}
    arrays |= {"input/sample": given["noise"], "input/row": given["noise"][:, 0, :1]}
    arrays |= {f"output/{name}": value for name, value in reference(given).items()}
    arrays["output/estimate"] = given["noise"]
    chunk = [HORIZON, ACTIONS]
    mix = [[0.0, 0.0, 0.0, 0.0, 1.0], [0.5, 0.1, 0.4, 0.0, 0.0]]
    policy["step_graph"] = {
        "file": "policy_step.onnx", "parity_file": "parity_step.npz",
        "inputs": [t for t in policy["inputs"] if t["role"] == "observation"] + [
            {"name": "sample", "role": "sample", "shape": chunk}, {"name": "row", "role": "row", "shape": [1]}],
        "outputs": [*policy["outputs"], {"name": "estimate", "role": "estimate", "shape": chunk}],
        "parity": {"samples": 4, "tolerance": 1e-5,
                   "max_abs_error": {"action": 0.0, "embedding": 0.0, "estimate": 0.0}},
        "schedules": [{"steps": 2, "rows": [0, 1], "draws": 1, "mix": mix},
                      {"steps": 4, "rows": [2, 3, 4, 5], "draws": 1, "mix": mix + [[0.3, 0.1, 0.6, 0.0, 0.0]] * 2}],
    }  # fmt: skip
    policy["reduced"] = {
        "precision": "int8", "source_digest": "0" * 64, "max_abs_error": {"action": 0.02, "embedding": 0.1},
        "calibration_samples": 30, "episodes": 60, "first_seed": 7, "successes": 59, "source_successes": 60,
    }  # fmt: skip
    row = {"shift": "friction_low", "description": "half", "min_success": 0.9, "max_error": 0.2, "episodes": 20}
    rows = [row | {"successes": 20, "error": 0.1}, row | {"shift": "friction_high", "successes": 19, "error": 0.15}]
    gate = {"first_seed": 3, "policy_sha256": "1" * 64, "rows": rows}
    files = {"policy_step.onnx": step_model().SerializeToString(), "parity_step.npz": npz_bytes(arrays)}
    return update_manifest(bundle, files, policy=policy, sim2sim=gate).path


def _set(*place, to):
    """Replace one value, or what a function makes of it."""

    def change(raw):
        for key in place[:-1]:
            raw = raw[key]
        raw[place[-1]] = to(raw[place[-1]]) if callable(to) else to

    return change


_V, _S, _R, _G = ("policy", "variants"), ("policy", "step_graph"), ("policy", "reduced"), ("sim2sim",)
_WARM, _CHUNK = ("timing", "warm_start"), ("timing", "chunking")
_TWICE = lambda items: [*items, copy.deepcopy(items[0])]  # noqa: E731
CONTRADICTIONS = [
    _set("images", to=_TWICE), _set("images", 0, "width", to=7), _set("images", 0, "height", to=10**9),
    _set("images", 0, "encoding", to="mono8"), _set("images", 0, "encoding", to="rgb16"),
    _set("images", 0, "name", to="observation.images.none"), _set("images", 1, "history", to=2),
    _set("images", 1, "history", to=65), _set("images", 0, "max_age_s", to=0),
    _set("images", 0, "message_type", to="sensor_msgs/msg/CompressedImage"), _set("images", to=[]),
    _set("images", 0, "topic", to="no topic"), _set("images", 0, "frame_id", to="\0"),
    _set("images", 0, "frame_id", to="x" * 5000), _set("images", 0, "history_step_s", to=-0.02),
    _set(*_V, 0, "file", to="nowhere.onnx"), _set(*_V, 0, "file", to="policy.onnx"), _set(*_V, to=_TWICE),
    _set(*_V, 0, "parity_file", to="parity.npz"), _set(*_V, 0, "parity_file", to="safety.yaml"),
    _set(*_V, 1, "method", to="prefix"), _set(*_V, 1, "method", to="teleport"), _set(*_V, 1, "evaluations", to=0),
    _set(*_V, 0, "inputs", to=lambda items: items[:-1]), _set(*_V, 0, "outputs", to=lambda items: items[:1]),
    _set(*_V, 0, "inputs", 0, "shape", to=[1, 1]), _set(*_V, 0, "parity", "tolerance", to=1.0),
    _set(*_V, 0, "parity", "samples", to=5), _set(*_V, 0, "parity", "max_abs_error", "action", to=0.5),
    _set(*_S, "file", to="policy.onnx"), _set(*_S, "file", to="nowhere.onnx"), _set(*_S, "schedules", to=_TWICE),
    _set(*_S, "schedules", to=lambda items: items[:1]), _set(*_S, "schedules", 0, "rows", to=[0]),
    _set(*_S, "schedules", 0, "rows", to=[-1, 0]), _set(*_S, "schedules", 0, "draws", to=0),
    _set(*_S, "schedules", 0, "mix", 1, to=[0.0, 0.0, 0.0, 0.0, 1.0]), _set(*_S, "schedules", 0, "mix", 0, to=[1.0]),
    _set(*_S, "schedules", 0, "steps", to=10**6), _set(*_S, "inputs", to=lambda items: items[:-1]),
    _set(*_S, "outputs", -1, "role", to="action"), _set(*_S, "outputs", -1, "shape", to=[1, 1]),
    _set(*_S, "parity", "samples", to=3), _set(*_S, "parity_file", to="parity.npz"),
    _set(*_R, "successes", to=61), _set(*_R, "source_successes", to=10**9), _set(*_R, "precision", to="int4"),
    _set(*_R, "source_digest", to="x" * 64), _set(*_R, "max_abs_error", to={}), _set(*_R, "calibration_samples", to=0),
    _set(*_R, "max_abs_error", to={"action": 0.1, "nothing": 0.1}), _set(*_R, "max_abs_error", "action", to=-1.0),
    _set(*_R, "episodes", to=0), _set(*_G, "rows", to=[]), _set(*_G, "rows", to=_TWICE),
    _set(*_G, "rows", 0, "successes", to=21), _set(*_G, "rows", 0, "min_success", to=1.5),
    _set(*_G, "rows", 0, "max_error", to=0), _set(*_G, "rows", 0, "error", to=-0.1), _set(*_G, "first_seed", to=-1),
    _set(*_G, "policy_sha256", to="../../etc/passwd"), _set(*_WARM, "variant", to="none_3"),
    _set(*_WARM, "variant", to="guided_5"), _set(*_WARM, "method", to="prefix"), _set(*_WARM, "noise_scale", to=1.5),
    _set(*_WARM, "restart_fraction", to=-1), _set(*_CHUNK, "replan", to="never"),
    _set(*_CHUNK, "remaining_steps", to=-1),
    _set(*_CHUNK, "combine", to="sum"), _set(*_CHUNK, "ensemble_decay", to=-1.0),
]  # fmt: skip
"""Edits that leave every type right, or nearly so, and contradict the rest of the bundle or the schema."""


def reseal_contradiction(path, rng):
    """Break one newer part in a way its author might, and make the digest right."""
    return edit(path, rng.choice(CONTRADICTIONS))


def reseal_newer_structure(path, rng):
    """Put a value of another type into one newer part, an unknown key, or leave out a required one."""
    raw = json.loads((path / "manifest.json").read_text())
    objects = [item for part in PARTS if (value := _at(raw, part)) for item in _objects(value)]
    chosen = rng.choice(objects)
    kind = rng.choice(["drop", "wrong", "add"])
    needed = sorted(REQUIRED & set(chosen))
    if kind == "drop" and needed:
        del chosen[rng.choice(needed)]
    elif kind == "wrong":
        chosen[rng.choice(sorted(chosen))] = rng.choice([{"unexpected": [rng.random()]}, [[]], True, "\0", "x" * 5000])
    else:
        chosen[f"extra_{rng.randrange(10)}"] = rng.random()
    return _seal(path, raw)


def _objects(value):
    """Every object with named fields below ``value``; a map by free names is none."""
    if isinstance(value, dict):
        if not all(isinstance(item, float) for item in value.values()):
            yield value
        for item in value.values():
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)


def _at(raw, place):
    for key in place:
        raw = (raw or {}).get(key)
    return raw


def edit(path, change):
    raw = json.loads((path / "manifest.json").read_text())
    before = json.dumps(raw)
    try:
        change(raw)
    except (KeyError, IndexError, TypeError):
        return False  # this bundle has no such part
    return json.dumps(raw) != before and _seal(path, raw)


def _seal(path, raw):
    raw["digest"] = manifest_digest(raw)
    (path / "manifest.json").write_text(json.dumps(raw))
    return True


NEWER = (reseal_contradiction, reseal_newer_structure)
