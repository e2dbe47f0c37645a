"""Adds further graphs of a policy to its bundle, each with recorded proof, and says in the manifest how to use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from policy_nodes.bundle.chunking import Chunking, Method, WarmStart
from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import GraphTensor, GraphVariant, Parity
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import update_manifest
from policy_nodes.errors import BundleError
from policy_nodes.inference.parity import load_parity
from policy_nodes.inference.scheduling.masks import prefix_weights
from training.export.graph import ACTION, EMBEDDING, NOISE, to_onnx
from training.export.parity import graph_errors, reference_outputs
from training.export.quiet import quiet_exporter
from training.export.recorded import pack
from training.imitation.build import TrainedPolicy
from training.realtime.graphs import EXTRA_INPUTS, VariantConfig, VariantGraph, plain_operators
from training.realtime.parts import chunk_parts
from training.realtime.prefix import PrefixMLP

Arrays = dict[str, NDArray[np.float32]]
TOLERANCE = 1e-4
"""Derivatives amplify rounding: ten times the plain graph's, still far below what a servo resolves."""


@dataclass(frozen=True)
class Execution:
    """What the manifest's timing section shall say.

    Attributes:
        chunking: when to plan again and how chunks are joined.
        warm_start: which graph continues a chunk.
    """

    chunking: Chunking
    warm_start: WarmStart


class _Positional(nn.Module):
    """Features by position, as exporters want them."""

    def __init__(self, graph: VariantGraph, features: Sequence[str]) -> None:
        super().__init__()
        self.sampler, self.features = graph, tuple(features)  # 'graph' is a name of torch.fx

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        count = len(self.features)
        chunk, embedding = self.sampler(dict(zip(self.features, inputs, strict=False)), *inputs[count:])
        return chunk, embedding


def add_variants(
    bundle: Bundle,
    trained: TrainedPolicy,
    configs: Sequence[VariantConfig],
    *,
    execution: Execution | None = None,
    prefix: PrefixMLP | None = None,
) -> Bundle:
    """Export every graph, prove it on the inputs recorded in the bundle, and write them into it in one step.

    Args:
        bundle: exported from ``trained``.
        trained: the policy.
        configs: the graphs; one of the same name is replaced.
        execution: settings to write; None leaves them.
        prefix: denoiser for the method ``prefix``.

    Returns:
        The bundle as it now lies on disk; a signature is gone, because the content is another.

    Raises:
        BundleError: the bundle is another policy's, or a graph's answers differ from PyTorch's.
    """
    _require_same_policy(bundle, trained)
    recorded, _ = load_parity(bundle)
    files: dict[str, Path | bytes | None] = {}
    variants = {variant.name: variant for variant in bundle.manifest.policy.variants}
    for config in configs:
        graph = VariantGraph(chunk_parts(trained.policy), config, len(trained.contract.actions.joints), prefix).eval()
        variant, contents = _export(bundle, trained, graph, recorded)
        variants[variant.name] = variant
        files |= contents
    timing = bundle.manifest.timing
    if execution is not None:
        timing = timing.model_copy(update={"chunking": execution.chunking, "warm_start": execution.warm_start})
    policy = bundle.manifest.policy.model_copy(update={"variants": list(variants.values())})
    return update_manifest(bundle, files, policy=policy, timing=timing)


def variant_onnx(graph: VariantGraph, inputs: Mapping[str, Tensor], metadata: dict[str, str]) -> bytes:
    """The graph as ONNX.

    Args:
        graph: in evaluation mode.
        inputs: examples with two samples or more: features, noise, then the extra inputs of its method.
        metadata: string pairs stored in the file.
    """
    features = [name for name in inputs if name != NOISE and name not in EXTRA_INPUTS["guided"]]
    module, examples = _Positional(graph, features).eval(), tuple(inputs.values())
    if not graph.config.differentiates:
        return to_onnx(module, examples, list(inputs), metadata, variadic=True)
    with quiet_exporter():  # tracing with derivatives takes a minute, so only where there are some
        traced = plain_operators(module, examples)
    return to_onnx(traced, examples, list(inputs), metadata)


def _export(
    bundle: Bundle, trained: TrainedPolicy, graph: VariantGraph, recorded: Arrays
) -> tuple[GraphVariant, dict[str, bytes]]:
    manifest, config = bundle.manifest, graph.config
    features = [feature.name for feature in manifest.observations]
    inputs = {name: recorded[name] for name in features}
    inputs[NOISE] = _noise(recorded[NOISE], config.noise_rows(manifest.actions.horizon))
    inputs |= _extra(bundle, config.method, recorded)
    tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
    with torch.no_grad():
        answers = _Positional(graph, features)(*tensors.values())
    chunk, embedding = (answer.numpy() for answer in answers)
    outputs = {ACTION: chunk, EMBEDDING: embedding}
    pairs = contract_pairs(manifest.observations, manifest.actions, manifest.timing.control_rate_hz)
    data = variant_onnx(graph, {name: tensor[:3].clone() for name, tensor in tensors.items()}, pairs)
    errors = graph_errors(data, inputs, outputs)
    worst = max(errors, key=lambda name: errors[name] if np.isfinite(errors[name]) else np.inf)
    if not errors[worst] <= TOLERANCE:
        raise BundleError(
            f"output '{worst}' of graph '{config.name}' differs from PyTorch by {errors[worst]:.2e} "
            f"(allowed {TOLERANCE:.0e}).",
            "export with the torch and onnx versions of constraints.txt.",
        )
    roles = {tensor.name: tensor.role for tensor in manifest.policy.inputs} | {NOISE: "noise"}
    declared = [
        GraphTensor.model_validate({"name": name, "role": roles.get(name, name), "shape": list(value.shape[1:])})
        for name, value in inputs.items()
    ]
    variant = GraphVariant(
        name=config.name,
        method=config.method,
        evaluations=config.steps,
        file=f"policy_{config.name}.onnx",
        parity_file=f"parity_{config.name}.npz",
        inputs=declared,
        outputs=manifest.policy.outputs,
        parity=Parity(samples=chunk.shape[0], tolerance=TOLERANCE, max_abs_error=errors),
    )
    return variant, {variant.file: data, variant.parity_file: pack(inputs, outputs)}


def _noise(recorded: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """The recorded noise, as far as it goes, in as many rows as the graph takes."""
    samples, have, channels = recorded.shape
    more = np.random.default_rng(1).standard_normal((samples, max(rows - have, 0), channels), dtype=np.float32)
    return np.concatenate([recorded[:, :rows], more], axis=1)


def _extra(bundle: Bundle, method: Method, recorded: Arrays) -> Arrays:
    """Extra inputs for the proof: the recorded answers of the plain graph, moved on, and weights of every kind."""
    _, answers = load_parity(bundle)
    chunks = answers[ACTION]
    samples, horizon = chunks.shape[:2]
    shift = max(1, horizon // 4)
    moved = np.concatenate([chunks[:, shift:], np.repeat(chunks[:, -1:], shift, axis=1)], axis=1)
    weights = np.stack([prefix_weights(horizon, k % (horizon // 2 + 1), horizon - shift) for k in range(samples)])
    available = {"previous_chunk": moved.astype(np.float32), "prefix_weights": weights}
    return {name: available[name] for name in EXTRA_INPUTS[method]}


def _require_same_policy(bundle: Bundle, trained: TrainedPolicy) -> None:
    inputs, outputs = load_parity(bundle)
    chunk = reference_outputs(trained.policy, inputs)[ACTION]
    if not np.allclose(chunk, outputs[ACTION], atol=bundle.manifest.parity.tolerance):
        raise BundleError(
            f"'{bundle.path.name}' was not exported from '{trained.directory}'.", "give the checkpoint it came from."
        )
