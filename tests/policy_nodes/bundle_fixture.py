"""A small, valid bundle with the contract of a Panda: seven arm joints, one finger, a cube, 50 Hz, 16-step chunks."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from policy_nodes.bundle.write import write_bundle

JOINTS = [f"panda_joint{index}" for index in range(1, 8)] + ["panda_finger_joint1"]
UNITS = ["rad"] * 7 + ["m"]
LOW = [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973, 0.0]
HIGH = [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973, 0.04]
HISTORY, HORIZON, ACTIONS, EMBEDDING = 2, 16, 8, 12
VELOCITY = [2.175] * 4 + [2.61] * 3 + [0.1]
ACCELERATION = [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0, 2.0]
JERK = [7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0, 1000.0]


def safety_yaml(joints: Sequence[str] = JOINTS) -> bytes:
    """``safety.yaml`` with the Panda's limits (Franka control parameters) under the given joint names."""
    rows = zip(joints, LOW, HIGH, VELOCITY, ACCELERATION, JERK, strict=True)
    keys = ("name", "position_min", "position_max", "velocity", "acceleration", "jerk")
    return yaml.safe_dump({"joints": [dict(zip(keys, row, strict=True)) for row in rows]}).encode()


def manifest_fields(samples: int = 4, outputs: tuple[str, ...] = ("action", "embedding")) -> dict[str, Any]:
    """Every field that ``write_bundle`` wants, as JSON values; edit a copy to break it."""
    pose = {"topic": "/objects/cube/pose", "message_type": "geometry_msgs/msg/PoseStamped", "field": "pose"}
    fields = {
        "name": "pick-place-tiny",
        "robot": "franka_panda",
        "task": "pick the cube and place it at the goal",
        "observations": [
            {
                "name": "observation.state",
                "history": HISTORY,
                "history_step_s": 0.02,
                "terms": [
                    {
                        "name": "joint_position",
                        "topic": "/joint_states",
                        "message_type": "sensor_msgs/msg/JointState",
                        "field": "position",
                        "axes": JOINTS,
                        "unit": UNITS,
                        "minimum": [low - 0.1 for low in LOW],
                        "maximum": [high + 0.1 for high in HIGH],
                        "max_age_s": 0.1,
                    }
                ],
            },
            {
                "name": "observation.environment_state",
                "history": HISTORY,
                "history_step_s": 0.02,
                "terms": [
                    {
                        **pose,
                        "name": "cube_pose",
                        "axes": ["x", "y", "z", "qx", "qy", "qz", "qw"],
                        "unit": ["m"] * 3 + ["1"] * 4,
                        "frame_id": "panda_link0",
                        "minimum": [-1.0, -1.0, -0.1] + [-1.01] * 4,
                        "maximum": [1.0, 1.0, 1.0] + [1.01] * 4,
                        "max_age_s": 0.2,
                    }
                ],
            },
        ],
        "actions": {
            "terms": [
                {
                    "name": "joint_target",
                    "joints": JOINTS,
                    "mode": "position",
                    "unit": UNITS,
                    "scale": 1.0,
                    "offset": [0.0] * 8,
                    "stiffness": [400.0] * 7 + [1000.0],
                    "damping": [40.0] * 7 + [50.0],
                    "minimum": LOW,
                    "maximum": HIGH,
                }
            ],
            "command_topic": "/joint_group_position_controller/commands",
            "command_type": "std_msgs/msg/Float64MultiArray",
            "horizon": HORIZON,
            "execution_horizon": 8,
            "step_s": 0.02,
        },
        "timing": {"control_rate_hz": 50.0, "observation_delay_s": 0.0, "inference_budget_s": 0.05},
        "policy": {
            "family": "flow_matching",
            "sampler": "euler",
            "sampling_steps": 1,
            "parameters": 30 * HORIZON * ACTIONS,
            "inputs": [
                {"name": "observation.state", "role": "observation", "shape": [HISTORY, 8]},
                {"name": "observation.environment_state", "role": "observation", "shape": [HISTORY, 7]},
                {"name": "noise", "role": "noise", "shape": [HORIZON, ACTIONS]},
            ],
            "outputs": [
                {"name": "action", "role": "action", "shape": [HORIZON, ACTIONS]},
                {"name": "embedding", "role": "embedding", "shape": [EMBEDDING]},
            ][: len(outputs)],
        },
        "parity": {"samples": samples, "tolerance": 1e-5, "max_abs_error": dict.fromkeys(outputs, 1e-7)},
        "provenance": {
            "created": "2026-01-01T00:00:00+00:00",
            "keel_version": "0.1.0",
            "git_commit": "0" * 40,
            "versions": {"torch": "2.13.0"},
            "dataset_sha256": "0" * 64,
            "config_sha256": "1" * 64,
            "statistics_sha256": "2" * 64,
            "seed": 0,
            "training_steps": 1000,
        },
    }
    return json.loads(json.dumps(fields))  # lists appear in it more than once, and callers edit it


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Parameters of the tiny graph; small, so that chunks stay near the current joints."""
    rng = np.random.default_rng(seed)
    size = HISTORY * 15
    return {
        "w_embedding": (rng.standard_normal((size, EMBEDDING)) / size**0.5).astype(np.float32),
        "w_action": (0.01 * rng.standard_normal((EMBEDDING, HORIZON * ACTIONS))).astype(np.float32),
        "noise_gain": np.full((1,), 0.01, np.float32),
    }


def tiny_model(seed: int = 0, batch: str | int = "batch") -> onnx.ModelProto:
    """action = newest joints + tanh(W1 [state, environment]) W2 + 0.01 noise; embedding = tanh(W1 ...)."""
    constants = weights(seed) | {
        "flat": np.array([0, -1], np.int64),
        "chunk": np.array([-1, HORIZON, ACTIONS], np.int64),
        "newest": np.array([HISTORY - 1], np.int64),
    }
    nodes = [
        helper.make_node("Reshape", ["observation.state", "flat"], ["s"], name="flatten_state"),
        helper.make_node("Reshape", ["observation.environment_state", "flat"], ["e"], name="flatten_environment"),
        helper.make_node("Concat", ["s", "e"], ["x"], axis=1),
        helper.make_node("MatMul", ["x", "w_embedding"], ["h"]),
        helper.make_node("Tanh", ["h"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "w_action"], ["a"]),
        helper.make_node("Reshape", ["a", "chunk"], ["delta"]),
        helper.make_node("Gather", ["observation.state", "newest"], ["current"], axis=1),
        helper.make_node("Mul", ["noise", "noise_gain"], ["n"]),
        helper.make_node("Add", ["delta", "n"], ["noisy"]),
        helper.make_node("Add", ["noisy", "current"], ["action"]),
    ]

    def tensor(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *shape])

    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            tensor("observation.state", HISTORY, 8),
            tensor("observation.environment_state", HISTORY, 7),
            tensor("noise", HORIZON, ACTIONS),
        ],
        [tensor("action", HORIZON, ACTIONS), tensor("embedding", EMBEDDING)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def reference(inputs: Mapping[str, np.ndarray], seed: int = 0) -> dict[str, np.ndarray]:
    """The graph of ``tiny_model`` in numpy, by output name."""
    w = weights(seed)
    state, environment = inputs["observation.state"], inputs["observation.environment_state"]
    batch = state.shape[0]
    flat = np.concatenate([state.reshape(batch, -1), environment.reshape(batch, -1)], axis=1)
    embedding = np.tanh(flat @ w["w_embedding"])
    delta = (embedding @ w["w_action"]).reshape(batch, HORIZON, ACTIONS)
    action = delta + w["noise_gain"] * inputs["noise"] + state[:, -1:, :]
    return {"action": action.astype(np.float32), "embedding": embedding.astype(np.float32)}


def observation_arrays(count: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Plausible graph inputs, (count, *shape) float32, noise included."""
    rng = np.random.default_rng(seed)
    low, high = np.array(LOW), np.array(HIGH)
    state = rng.uniform(low, high, (count, HISTORY, 8))
    cube = np.concatenate(
        [
            rng.uniform([0.3, -0.3, 0.02], [0.6, 0.3, 0.02], (count, HISTORY, 3)),
            np.tile([0, 0, 0, 1.0], (count, HISTORY, 1)),
        ],
        axis=2,
    )
    noise = rng.standard_normal((count, HORIZON, ACTIONS))
    arrays = {"observation.state": state, "observation.environment_state": cube, "noise": noise}
    return {name: value.astype(np.float32) for name, value in arrays.items()}


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An ``.npz`` in memory."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def parity_bytes(samples: int = 4, seed: int = 0) -> bytes:
    """``parity.npz`` of the tiny graph."""
    inputs = observation_arrays(samples)
    outputs = reference(inputs, seed)
    named = {f"input/{name}": value for name, value in inputs.items()}
    return npz_bytes(named | {f"output/{name}": value for name, value in outputs.items()})


def make_bundle(
    tmp_path: Path,
    *,
    name: str = "tiny.keel",
    seed: int = 0,
    samples: int = 4,
    files: Mapping[str, bytes] | None = None,
    **overrides: Any,
) -> Path:
    """Write a valid bundle and return its path.

    Args:
        tmp_path: directory to write it in.
        name: of the bundle directory.
        seed: of the graph's weights.
        samples: recorded in ``parity.npz``.
        files: contents that replace or extend the defaults.
        overrides: top-level manifest fields.
    """
    contents = {
        "policy.onnx": tiny_model(seed).SerializeToString(),
        "parity.npz": parity_bytes(samples, seed),
        "safety.yaml": safety_yaml(),
    }
    return write_bundle(tmp_path / name, manifest_fields(samples) | overrides, contents | dict(files or {})).path
