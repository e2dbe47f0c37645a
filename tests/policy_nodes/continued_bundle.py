"""The tiny bundle with further graphs: a guided one that mixes in the previous chunk by its weights, a warm start that
moves a tenth of the way from the previous chunk to the plain answer, and a one-step version of the plain graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.policy_nodes.bundle_fixture import (
    ACTIONS,
    HORIZON,
    make_bundle,
    manifest_fields,
    npz_bytes,
    observation_arrays,
    reference,
    tiny_model,
)

PREVIOUS = {"name": "previous_chunk", "role": "previous_chunk", "shape": [HORIZON, ACTIONS]}
WEIGHTS = {"name": "prefix_weights", "role": "prefix_weights", "shape": [HORIZON]}
WARM_SHARE = 0.1


def continued_model(method):
    """The tiny graph with its answer mixed with the previous chunk."""
    model = tiny_model()
    graph = model.graph
    if method == "full":
        return model
    graph.node[-1].output[0] = "plain"
    batch = "batch"
    graph.input.append(helper.make_tensor_value_info("previous_chunk", TensorProto.FLOAT, [batch, HORIZON, ACTIONS]))
    if method == "guided":
        graph.input.append(helper.make_tensor_value_info("prefix_weights", TensorProto.FLOAT, [batch, HORIZON]))
        graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), "last"))
        graph.node.append(helper.make_node("Unsqueeze", ["prefix_weights", "last"], ["w"]))
    else:
        graph.initializer.append(numpy_helper.from_array(np.array([1 - WARM_SHARE], np.float32), "w"))
    graph.node.append(helper.make_node("Sub", ["previous_chunk", "plain"], ["apart"]))
    graph.node.append(helper.make_node("Mul", ["w", "apart"], ["pull"]))
    graph.node.append(helper.make_node("Add", ["plain", "pull"], ["action"]))
    return model


def _inputs(method, samples):
    inputs = observation_arrays(samples)
    rng = np.random.default_rng(3)
    if method != "full":
        inputs["previous_chunk"] = rng.standard_normal((samples, HORIZON, ACTIONS)).astype(np.float32)
    if method == "guided":
        inputs["prefix_weights"] = rng.random((samples, HORIZON)).astype(np.float32)
    return inputs


def _outputs(method, inputs):
    outputs = reference(inputs)
    if method == "guided":
        weight = inputs["prefix_weights"][..., None]
    else:
        weight = 0.0 if method == "full" else 1 - WARM_SHARE
    if method != "full":
        outputs["action"] = outputs["action"] + weight * (inputs["previous_chunk"] - outputs["action"])
    return {name: value.astype(np.float32) for name, value in outputs.items()}


def make_continued_bundle(tmp_path: Path, timing=None, samples: int = 4, **overrides) -> Path:
    """A bundle with variants ``guided_5``, ``warm_start_2`` and ``full_2``; ``timing`` is merged into the manifest."""
    fields = manifest_fields(samples)
    variants, files = [], {}
    for method, evaluations in (("guided", 5), ("warm_start", 2), ("full", 2)):
        name = f"{method}_{evaluations}"
        inputs = _inputs(method, samples)
        arrays = {f"input/{k}": v for k, v in inputs.items()}
        arrays |= {f"output/{k}": v for k, v in _outputs(method, inputs).items()}
        files[f"policy_{name}.onnx"] = continued_model(method).SerializeToString()
        files[f"parity_{name}.npz"] = npz_bytes(arrays)
        extra = {"guided": [PREVIOUS, WEIGHTS], "warm_start": [PREVIOUS], "full": []}[method]
        variants.append(
            {
                "name": name,
                "method": method,
                "evaluations": evaluations,
                "file": f"policy_{name}.onnx",
                "parity_file": f"parity_{name}.npz",
                "inputs": [*fields["policy"]["inputs"], *extra],
                "outputs": fields["policy"]["outputs"],
                "parity": {"samples": samples, "tolerance": 1e-5, "max_abs_error": {"action": 1e-7, "embedding": 1e-7}},
            }
        )
    policy = fields["policy"] | {"variants": variants, "sampling_steps": 4}
    merged = fields["timing"] | (timing or {})
    return make_bundle(tmp_path, name="continued.keel", files=files, policy=policy, timing=merged, **overrides)
