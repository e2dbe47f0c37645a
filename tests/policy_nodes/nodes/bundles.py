"""Bundles of the Panda's contract whose policy drifts away from the measured joints at a constant speed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from tests.policy_nodes.bundle_fixture import (
    ACTIONS,
    EMBEDDING,
    HISTORY,
    HORIZON,
    make_bundle,
    manifest_fields,
    npz_bytes,
    observation_arrays,
    safety_yaml,
)
from tests.policy_nodes.nodes.scripted_robot import HOME

STEP_S = 0.02


def ramp(speed: float) -> np.ndarray:
    """(1, H, A): every arm joint moves at ``speed`` rad/s from where it is, the finger stays."""
    steps = speed * STEP_S * np.arange(HORIZON, dtype=np.float32)[:, None] * np.ones(ACTIONS, np.float32)
    steps[:, -1] = 0.0
    return steps[None].astype(np.float32)


def drifting_model(speed: float) -> onnx.ModelProto:
    """action = newest joints + ramp + 0 noise; embedding = the state, projected by ones."""
    constants = {
        "ramp": ramp(speed),
        "zero": np.zeros(1, np.float32),
        "newest": np.array([HISTORY - 1], np.int64),
        "flat": np.array([0, -1], np.int64),
        "ones": np.ones((HISTORY * 15, EMBEDDING), np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["observation.state", "newest"], ["current"], axis=1),
        helper.make_node("Add", ["current", "ramp"], ["drifted"]),
        helper.make_node("Mul", ["noise", "zero"], ["silent"]),
        helper.make_node("Add", ["drifted", "silent"], ["action"]),
        helper.make_node("Reshape", ["observation.state", "flat"], ["s"]),
        helper.make_node("Reshape", ["observation.environment_state", "flat"], ["e"]),
        helper.make_node("Concat", ["s", "e"], ["x"], axis=1),
        helper.make_node("MatMul", ["x", "ones"], ["embedding"]),
    ]

    def tensor(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    inputs = [
        tensor("observation.state", HISTORY, 8),
        tensor("observation.environment_state", HISTORY, 7),
        tensor("noise", HORIZON, ACTIONS),
    ]
    outputs = [tensor("action", HORIZON, ACTIONS), tensor("embedding", EMBEDDING)]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "drifting", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def patient_safety_yaml() -> bytes:
    """Limits of the Panda with timeouts that a loaded test machine keeps."""
    settings = yaml.safe_load(safety_yaml())
    settings["backups"] = {"home": HOME.tolist(), "home_speed": 1.0}
    return yaml.safe_dump(
        {**settings, "joint_state_timeout_s": 0.3, "clock_jump_s": 1.0, "chunk_grace_s": 0.2}
    ).encode()


def patient_fields() -> dict[str, Any]:
    """Observations of the contract that may be half a second old."""
    observations = manifest_fields()["observations"]
    for feature in observations:
        for term in feature["terms"]:
            term["max_age_s"] = 0.5
    return {"observations": observations}


def drifting_bundle(directory: Path, speed: float, name: str = "drift.keel", **overrides: Any) -> Path:
    """Write the bundle; overrides are top-level manifest fields."""
    inputs = observation_arrays(4)
    state, environment = inputs["observation.state"], inputs["observation.environment_state"]
    flat = np.concatenate([state.reshape(4, -1), environment.reshape(4, -1)], axis=1)
    outputs = {
        "action": state[:, -1:, :] + ramp(speed),
        "embedding": np.repeat(flat.sum(axis=1, keepdims=True), EMBEDDING, axis=1),
    }
    arrays = {f"input/{key}": value for key, value in inputs.items()}
    arrays |= {f"output/{key}": value.astype(np.float32) for key, value in outputs.items()}
    files = {
        "policy.onnx": drifting_model(speed).SerializeToString(),
        "parity.npz": npz_bytes(arrays),
        "safety.yaml": patient_safety_yaml(),
    }
    return make_bundle(directory, name=name, files=files, **{**patient_fields(), **overrides})
