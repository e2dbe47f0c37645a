"""The tiny bundle as a slow-fast policy: a plan is where the joints were, the decoder adds up what was felt since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.policy_nodes.bundle_fixture import (
    ACTIONS,
    HISTORY,
    make_bundle,
    manifest_fields,
    npz_bytes,
    observation_arrays,
    reference,
    tiny_model,
)

WINDOW, GAIN = 24, 0.01
LATENT = {"name": "latent", "role": "latent", "shape": [ACTIONS]}
FELT = {"name": "felt", "role": "felt", "shape": [WINDOW, ACTIONS]}
REACTION = {"name": "action", "role": "action", "shape": [WINDOW, ACTIONS]}
PARITY = {"samples": 4, "tolerance": 1e-5}


def slow_model() -> onnx.ModelProto:
    """The tiny graph; its plan is the newest joint position."""
    model = tiny_model()
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.array(HISTORY - 1, np.int64), "newest_row"))
    graph.node.append(helper.make_node("Gather", ["observation.state", "newest_row"], ["latent"], axis=1))
    graph.output.append(helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["batch", ACTIONS]))
    return model


def fast_model() -> onnx.ModelProto:
    """Row k: the plan, plus a hundredth of the sum of the rows 0 to k that were felt."""

    def tensor(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    constants = {"time": np.array(1, np.int64), "row": np.array([1], np.int64), "gain": np.array([GAIN], np.float32)}
    nodes = [
        helper.make_node("CumSum", ["felt", "time"], ["sum"]),
        helper.make_node("Mul", ["sum", "gain"], ["small"]),
        helper.make_node("Unsqueeze", ["latent", "row"], ["plan"]),
        helper.make_node("Add", ["plan", "small"], ["action"]),
    ]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    inputs, outputs = [tensor("latent", ACTIONS), tensor("felt", WINDOW, ACTIONS)], [tensor("action", WINDOW, ACTIONS)]
    graph = helper.make_graph(nodes, "fast", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def reactive_policy(fields: dict[str, Any]) -> dict[str, Any]:
    """The manifest's policy with both halves."""
    policy = fields["policy"]
    fast = {
        "file": "policy_fast.onnx",
        "parity_file": "parity_fast.npz",
        "inputs": [LATENT, FELT],
        "outputs": [REACTION],
        "parity": PARITY | {"max_abs_error": {"action": 1e-7}},
        "terms": ["joint_position"],
    }
    return policy | {"outputs": [*policy["outputs"], LATENT], "reactive": fast}


def make_reactive_bundle(tmp_path: Path, wrong: float = 0.0, **overrides: Any) -> Path:
    """Write the bundle; ``wrong`` spoils the decoder's recorded answers."""
    fields, inputs = manifest_fields(), observation_arrays(4)
    outputs = reference(inputs) | {"latent": inputs["observation.state"][:, -1]}
    felt = np.random.default_rng(5).standard_normal((4, WINDOW, ACTIONS)).astype(np.float32)
    reaction = outputs["latent"][:, None] + GAIN * felt.cumsum(axis=1) + wrong
    arrays = {f"input/{name}": value for name, value in inputs.items()}
    arrays |= {f"output/{name}": value.astype(np.float32) for name, value in outputs.items()}
    fast = {"input/latent": outputs["latent"], "input/felt": felt, "output/action": reaction.astype(np.float32)}
    files = {
        "policy.onnx": slow_model().SerializeToString(),
        "parity.npz": npz_bytes(arrays),
        "policy_fast.onnx": fast_model().SerializeToString(),
        "parity_fast.npz": npz_bytes(fast),
    }
    errors = dict.fromkeys(outputs, 1e-7)
    return make_bundle(
        tmp_path,
        name="reactive.keel",
        files=files,
        policy=reactive_policy(fields),
        parity=fields["parity"] | {"max_abs_error": errors},
        **overrides,
    )
