"""Recorded proof that an exported graph computes what the training framework computed."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from policy_nodes.inference.providers import create_session
from training.datasets.lerobot_v3.reader import Dataset
from training.export.graph import ACTION, EMBEDDING, NOISE
from training.imitation.build import TrainedPolicy, build_sampler

Arrays = dict[str, NDArray[np.float32]]


def record_parity(trained: TrainedPolicy, dataset: Dataset, samples: int) -> tuple[Arrays, Arrays]:
    """Recorded observations spread over the training episodes, seeded noise, and the framework's answers.

    Args:
        trained: the policy.
        dataset: the one it was trained on.
        samples: B.

    Returns:
        Inputs by graph input name: observations (B, history, size) and noise (B, H, A); outputs by graph output name:
        chunk (B, H, A) and embedding (B, E).
    """
    sampler = build_sampler(dataset, trained.contract, trained.train)
    frames = sampler.frames("train")
    batch = sampler.gather(frames[np.linspace(0, len(frames) - 1, samples).astype(np.int64)])
    actions = trained.contract.actions
    inputs = {name: values.astype(np.float32) for name, values in batch.observations.items()}
    rng = np.random.default_rng(0)
    inputs[NOISE] = rng.standard_normal((samples, trained.policy.noise_rows, len(actions.joints)), dtype=np.float32)
    return inputs, reference_outputs(trained.policy, inputs)


def reference_outputs(policy: nn.Module, inputs: Arrays) -> Arrays:
    """What the training framework answers to graph inputs, by graph output name."""
    observations = {name: torch.from_numpy(value) for name, value in inputs.items() if name != NOISE}
    noise = torch.from_numpy(inputs[NOISE]) if NOISE in inputs else None
    with torch.no_grad():
        chunk, embedding = policy(observations, noise)
    return {ACTION: chunk.numpy(), EMBEDDING: embedding.numpy()}


def graph_errors(graph: bytes, inputs: Arrays, outputs: Arrays) -> dict[str, float]:
    """Largest absolute difference per output between ONNX Runtime on the CPU and the reference; NaN if one is NaN."""
    session = create_session(graph, "cpu", threads=1)
    answers = session.run(list(outputs), inputs)
    return {name: float(np.abs(a - b).max()) for (name, b), a in zip(outputs.items(), answers, strict=True)}
