"""The tiny Panda bundle with two cameras: the brighter the newest pictures, the faster every arm joint moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.policy_nodes.bundle_fixture import HISTORY, HORIZON, make_bundle, manifest_fields, npz_bytes
from tests.policy_nodes.nodes.bundles import patient_fields, patient_safety_yaml, ramp

TOP, WRIST = "observation.images.top", "observation.images.wrist"
SIZES = {TOP: (6, 8, 2), WRIST: (4, 4, 1)}
"""Height, width, history."""


def cameras(**changes: Any) -> list[dict[str, Any]]:
    """The manifest's ``images``; changes are to both."""
    result = []
    for name, (height, width, history) in SIZES.items():
        camera = {"name": name, "topic": f"/{name.rpartition('.')[2]}/image_raw", "height": height, "width": width}
        camera |= {"encoding": "rgb8", "max_age_s": 0.5, "history": history, "history_step_s": 0.02}
        result.append(camera | changes)
    return result


def camera_fields(**changes: Any) -> dict[str, Any]:
    """Top-level manifest fields that replace those of the tiny bundle."""
    policy = manifest_fields()["policy"]
    state = {"name": "observation.state", "role": "observation", "shape": [HISTORY, 8]}
    images = [
        {"name": name, "role": "image", "shape": [history, height, width, 3], "dtype": "uint8"}
        for name, (height, width, history) in SIZES.items()
    ]
    policy["inputs"] = [state, *images]
    policy["outputs"] = [policy["outputs"][0], {"name": "embedding", "role": "embedding", "shape": [6]}]
    observations = patient_fields()["observations"][:1]
    return {"observations": observations, "images": cameras(**changes), "policy": policy}


def camera_model(speed: float) -> onnx.ModelProto:
    """action = newest joints + ramp(speed) * mean brightness; embedding = mean colour of both newest pictures, 0..1."""
    constants = {"ramp": ramp(speed), "last": np.array([HISTORY - 1], np.int64), "full": np.array([255.0], np.float32)}
    constants |= {"pixels": np.array([1, 2, 3], np.int64), "one": np.array([1], np.int64)}
    constants["column"] = np.array([1, 2], np.int64)
    nodes = [helper.make_node("Gather", ["observation.state", "last"], ["current"], axis=1)]
    for name, (_, _, history) in SIZES.items():
        constants[f"newest/{name}"] = np.array([history - 1], np.int64)
        nodes += [
            helper.make_node("Gather", [name, f"newest/{name}"], [f"picture/{name}"], axis=1),
            helper.make_node("Cast", [f"picture/{name}"], [f"float/{name}"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", [f"float/{name}", "pixels"], [f"mean/{name}"], keepdims=0),
        ]
    nodes += [
        helper.make_node("Concat", [f"mean/{name}" for name in SIZES], ["means"], axis=1),
        helper.make_node("Div", ["means", "full"], ["embedding"]),
        helper.make_node("ReduceMean", ["embedding", "one"], ["mean_row"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean_row", "column"], ["gain"]),
        helper.make_node("Mul", ["gain", "ramp"], ["motion"]),
        helper.make_node("Add", ["current", "motion"], ["action"]),
    ]

    def tensor(name: str, kind: int, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, ["batch", *shape])

    inputs = [tensor("observation.state", TensorProto.FLOAT, HISTORY, 8)]
    inputs += [tensor(name, TensorProto.UINT8, n, h, w, 3) for name, (h, w, n) in SIZES.items()]
    outputs = [tensor("action", TensorProto.FLOAT, HORIZON, 8), tensor("embedding", TensorProto.FLOAT, 6)]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "cameras", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def pictures(count: int, seed: int = 3) -> dict[str, np.ndarray]:
    """Random pictures by camera, (count, history, height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    return {name: rng.integers(0, 256, (count, n, h, w, 3), dtype=np.uint8) for name, (h, w, n) in SIZES.items()}


def answers(state: np.ndarray, seen: dict[str, np.ndarray], speed: float) -> dict[str, np.ndarray]:
    """The graph of ``camera_model`` in numpy, by output name."""
    colour = np.concatenate([seen[name][:, -1].mean(axis=(1, 2)) for name in SIZES], axis=1) / 255.0
    action = state[:, -1:] + colour.mean(axis=1)[:, None, None] * ramp(speed)
    return {"action": action.astype(np.float32), "embedding": colour.astype(np.float32)}


def camera_bundle(directory: Path, speed: float = 0.4, name: str = "cameras.keel", **overrides: Any) -> Path:
    """Write the bundle; overrides are top-level manifest fields, and ``files`` by name."""
    rng = np.random.default_rng(5)
    state, seen = rng.uniform(-0.5, 0.5, (4, HISTORY, 8)).astype(np.float32), pictures(4)
    arrays = {"input/observation.state": state} | {f"input/{key}": value for key, value in seen.items()}
    arrays |= {f"output/{key}": value for key, value in answers(state, seen, speed).items()}
    files = {
        "policy.onnx": camera_model(speed).SerializeToString(),
        "parity.npz": npz_bytes(arrays),
        "safety.yaml": patient_safety_yaml(),
    }
    files |= overrides.pop("files", {})
    return make_bundle(directory, name=name, files=files, **(camera_fields() | overrides))
