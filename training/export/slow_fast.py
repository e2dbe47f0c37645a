"""Writes a slow-fast policy as a bundle: its slow half as ``policy.onnx``, its fast decoder as a graph of its own."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import GraphTensor, Parity, PolicyInfo, ReactiveGraph
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import write_bundle
from training.contracts.task import TaskContract
from training.datasets.lerobot_v3.reader import Dataset
from training.export.contents import bundle_files, contract_fields, graph_tensors, require_parity
from training.export.decoder_graph import FELT, LATENT, append_open_loop, fast_graph
from training.export.graph import ACTION, EMBEDDING, NOISE, to_onnx
from training.export.parity import graph_errors, recorded_inputs
from training.export.provenance import origin, statistics_sha256
from training.export.recorded import pack
from training.policies.rdp.policy import SlowFastPolicy
from training.policies.rdp.training import SlowFastTraining, window_sampler

GRAPH, PROOF = "policy_fast.onnx", "parity_fast.npz"
TOLERANCE = 1e-4
"""Of outputs in raw units and in latent units alike; a recurrent decoder adds up rounding over its window."""
Arrays = dict[str, NDArray[np.float32]]


class _Plan(nn.Module):
    """The slow half without its chunk, features and noise by position, as exporters want them."""

    def __init__(self, policy: SlowFastPolicy, features: list[str]) -> None:
        super().__init__()
        self.policy, self.features = policy, features

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        embedding, latent = self.policy.plan(dict(zip(self.features, inputs, strict=False)), inputs[-1])
        return embedding, latent


def export_slow_fast(
    policy: SlowFastPolicy,
    contract: TaskContract,
    dataset: Dataset,
    config: SlowFastTraining,
    output: Path,
    *,
    samples: int = 64,
) -> Bundle:
    """Export both halves, prove each on recorded windows, write the bundle.

    Raises:
        BundleError: a graph's answers differ from PyTorch's.
    """
    slow_inputs, fast_inputs = _recorded(policy, contract, dataset, samples)
    features = [feature.name for feature in contract.observations]
    pairs = contract_pairs(contract.observations, contract.actions, contract.timing.control_rate_hz)
    slow_outputs, fast_outputs = _answers(policy, slow_inputs, fast_inputs)
    fast_inputs[LATENT] = slow_outputs[LATENT]
    slow, fast = slow_graph(policy, features, slow_inputs, pairs), fast_graph(policy, pairs)
    slow_parity = _prove("the slow half", slow, slow_inputs, slow_outputs)
    fast_parity = _prove("the fast decoder", fast, fast_inputs, fast_outputs)
    tensors = graph_tensors(contract.observations, contract.actions, 0, policy.encoder.size)
    latent = GraphTensor(name=LATENT, role="latent", shape=[slow_outputs[LATENT].shape[1]])
    tensors["inputs"].append(GraphTensor(name=NOISE, role="noise", shape=list(policy.noise_shape)))
    tensors["outputs"].append(latent)
    reactive = ReactiveGraph(
        file=GRAPH,
        parity_file=PROOF,
        inputs=[latent, GraphTensor(name=FELT, role="felt", shape=list(fast_inputs[FELT].shape[1:]))],
        outputs=[GraphTensor(name=ACTION, role="action", shape=list(fast_outputs[ACTION].shape[1:]))],
        parity=fast_parity,
        terms=[term.name for term in policy.felt],
    )
    info = PolicyInfo(
        family="reactive_diffusion",
        sampler="euler",
        sampling_steps=config.sampling_steps,
        parameters=sum(p.numel() for p in policy.parameters()),
        reactive=reactive,
        **tensors,
    )
    fields = {
        **contract_fields(contract, output.name.removesuffix(".keel")),
        "policy": info,
        "parity": slow_parity,
        "provenance": origin(
            asdict(config),
            statistics_sha256(policy, "normalizer"),
            seed=config.seed,
            training_steps=config.tokenizer_steps + config.policy_steps,
            dataset_sha256=dataset.sha256(),
        ),
    }
    files = bundle_files(slow, slow_inputs, slow_outputs, contract.safety)
    return write_bundle(output, fields, files | {GRAPH: fast, PROOF: pack(fast_inputs, fast_outputs)})


def _recorded(policy: SlowFastPolicy, contract: TaskContract, dataset: Dataset, samples: int) -> tuple[Arrays, Arrays]:
    """Inputs of both halves (the latter without its plans) from windows spread over the data."""
    sampler = window_sampler(contract, dataset, policy.tokenizer.config.horizon)
    index = sampler.spread(samples)
    slow = recorded_inputs(sampler, index, policy.noise_shape)
    felt = [sampler.following(t.feature, index)[..., t.start : t.stop] for t in policy.felt]
    return slow, {LATENT: np.zeros(0, np.float32), FELT: np.concatenate(felt, axis=-1).astype(np.float32)}


def slow_graph(policy: SlowFastPolicy, features: list[str], inputs: Arrays, metadata: dict[str, str]) -> bytes:
    """``policy.onnx``: raw features and noise -> embedding, latent, and the chunk as if nothing more were felt."""
    examples = tuple(torch.from_numpy(value[:3].copy()) for value in inputs.values())
    module = _Plan(policy, features).eval()
    data = to_onnx(module, examples, list(inputs), metadata, variadic=True, outputs=(EMBEDDING, LATENT))
    model = onnx.load_from_string(data)
    append_open_loop(model, policy)
    return bytes(model.SerializeToString())


@torch.no_grad()
def _answers(policy: SlowFastPolicy, slow: Arrays, fast: Arrays) -> tuple[Arrays, Arrays]:
    """What PyTorch says to the recorded inputs; the fast half decodes the slow one's plans."""
    observation = {name: torch.from_numpy(value) for name, value in slow.items() if name != NOISE}
    chunk, embedding, latent = policy(observation, torch.from_numpy(slow[NOISE]))
    reaction = policy.react(latent, torch.from_numpy(fast[FELT]))
    outputs = {ACTION: chunk.numpy(), EMBEDDING: embedding.numpy(), LATENT: latent.numpy()}
    return outputs, {ACTION: reaction.numpy()}


def _prove(what: str, graph: bytes, inputs: Arrays, outputs: Arrays) -> Parity:
    errors = graph_errors(graph, inputs, outputs)
    require_parity(errors, TOLERANCE, f"{what} differs from PyTorch", "use the versions of constraints.txt.")
    return Parity(samples=len(outputs[ACTION]), tolerance=TOLERANCE, max_abs_error=errors)
