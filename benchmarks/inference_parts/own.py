"""Cases of the policies that ``keel train`` makes, with random weights: latency does not depend on what was learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.inference_parts.runtimes import Arrays, Call, on_the_graph
from benchmarks.inference_parts.timing import Case
from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import PolicyInfo
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import write_bundle
from tests.training.export.random_policy import CONTRACT, random_inputs, randomised
from training.export.contents import bundle_files, graph_tensors
from training.export.deployable import deployable
from training.export.graph import NOISE, export_graph
from training.export.parity import reference_outputs
from training.export.provenance import origin
from training.policies.chunk_policy import ChunkPolicy
from training.policies.config import ExpertConfig

TRANSFORMER: dict[str, Any] = {"backbone": "transformer", "depth": 4}
MOE: dict[str, Any] = {"backbone": "mode", "depth": 4, "experts": ExpertConfig(count=4, top_k=2)}
DENSE: dict[str, Any] = {"backbone": "mode", "depth": 4, "expansion": 4, "experts": ExpertConfig(count=1, top_k=1)}
"""One expert as wide as the two that :data:`MOE` chooses: the dense network of the same active size."""


def eager(policy: ChunkPolicy) -> Call:
    """PyTorch as it is."""

    def call(inputs: Arrays) -> np.ndarray:
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        with torch.inference_mode():
            chunk: np.ndarray = policy(tensors, tensors[NOISE])[0].numpy()
        return chunk

    return call


def make_bundle(policy: ChunkPolicy, directory: Path) -> Bundle:
    """What export would write, with random inputs as its proof."""
    contract = CONTRACT
    pairs = contract_pairs(contract.observations, contract.actions, contract.timing.control_rate_hz)
    graph = export_graph(deployable(policy), contract.observations, contract.actions, pairs, policy.noise_rows)
    inputs = random_inputs(4, policy.noise_rows)
    outputs = reference_outputs(policy, inputs)
    config = policy.config
    info = PolicyInfo(
        family=config.objective,
        sampler="euler",
        sampling_steps=config.sampling_steps,
        parameters=sum(p.numel() for p in policy.parameters()),
        **graph_tensors(contract.observations, contract.actions, policy.noise_rows, config.embedding_size),
    )
    fields = {
        "name": "benchmark", "robot": contract.robot, "task": contract.name, "observations": contract.observations,
        "actions": contract.actions, "timing": contract.timing, "policy": info,
        "parity": {"samples": 4, "tolerance": 1e-4, "max_abs_error": dict.fromkeys(outputs, 0.0)},
        "provenance": origin({}, "0" * 64, seed=0, training_steps=0),
    }  # fmt: skip
    return write_bundle(directory, fields, bundle_files(graph, inputs, outputs, contract.safety))


def case(name: str, batch: int, directory: Path, **options: Any) -> Case:
    """A network of ``keel train`` on the demo's task."""
    policy = randomised(0.02, **options)
    bundle = make_bundle(policy, directory / f"{name.replace(' ', '_')}_{batch}.keel")
    calls, provider = on_the_graph(bundle, batch)
    count = sum(p.numel() for p in policy.parameters()) / 1e6
    title = f"{name}, {count:.2f} M weights, {policy.config.sampling_steps} steps, batch {batch}"
    inputs = random_inputs(batch, policy.noise_rows, seed=2)
    return Case(title, inputs, {"PyTorch eager": eager(policy), **calls}, provider)


def experts(directory: Path) -> Case:
    """MoE beside the dense network that has as many active weights."""
    moe, dense = case("MoE", 1, directory, **MOE), case("dense", 1, directory, **DENSE)
    moe.others = {"dense, keel": dense.calls["keel"], "dense, plain ORT": dense.calls["plain ORT"]}
    moe.ratios = [
        ("MoE / dense network of the same active size, both keel", "keel", "dense, keel"),
        ("MoE / dense network of the same active size, both plain ORT", "plain ORT", "dense, plain ORT"),
    ]
    return moe
