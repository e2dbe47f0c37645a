"""Recorded proof that an exported graph computes what the training framework computed."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from policy_nodes.errors import BundleError
from policy_nodes.inference.providers import create_session
from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.windows import ChunkSampler
from training.export.graph import ACTION, EMBEDDING, NOISE
from training.imitation.build import TrainedPolicy, build_sampler

Arrays = dict[str, NDArray[np.floating]]
TOLERANCE = 1e-5
"""Largest accepted difference where single precision allows it."""
SLACK = 4.0
"""How much more than the framework's own rounding a graph may differ: two roundings, and another processor."""
LARGEST_TOLERANCE = 2e-3
"""Beyond this the numbers of one machine say nothing about another's."""


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
    shape = (trained.policy.noise_rows, len(trained.contract.actions.joints))
    inputs = recorded_inputs(sampler, sampler.spread(samples), shape)
    return inputs, reference_outputs(trained.policy, inputs)


def recorded_inputs(sampler: ChunkSampler, index: NDArray[np.int64], noise_shape: tuple[int, int]) -> Arrays:
    """Observations of the frames ``index`` (B,) by feature, each (B, history, size), and seeded noise of a shape."""
    inputs = {name: values.astype(np.float32) for name, values in sampler.gather(index).observations.items()}
    inputs[NOISE] = np.random.default_rng(0).standard_normal((len(index), *noise_shape), dtype=np.float32)
    return inputs


def reference_outputs(policy: nn.Module, inputs: Arrays) -> Arrays:
    """What the training framework answers to graph inputs, by graph output name."""
    observations = {name: torch.from_numpy(value) for name, value in inputs.items() if name != NOISE}
    noise = torch.from_numpy(inputs[NOISE]) if NOISE in inputs else None
    with torch.no_grad():
        chunk, embedding = policy(observations, noise)
    return {ACTION: chunk.numpy(), EMBEDDING: embedding.numpy()}


def own_rounding(policy: nn.Module, inputs: Arrays) -> float:
    """Largest absolute difference between the framework's answers and its own in double precision.

    What single precision costs, whoever computes it: a noise prediction, for instance, is divided by an alpha of 5e-4
    at the first step of a diffusion, which amplifies rounding 2000 times for the few samples that are not clipped.
    Every observation therefore meets several noise samples.

    Args:
        policy: the module; it is copied.
        inputs: by graph input name.
    """
    exact = copy.deepcopy(policy).double()
    worst = 0.0
    for shift in range(4 if NOISE in inputs else 1):
        feeds = inputs | ({NOISE: np.roll(inputs[NOISE], shift, axis=0)} if shift else {})
        single = reference_outputs(policy, feeds)
        double = reference_outputs(exact, {name: value.astype(np.float64) for name, value in feeds.items()})
        worst = max(worst, *(float(np.abs(single[name] - double[name]).max(initial=0.0)) for name in single))
    return worst


def accepted(rounding: float) -> float:
    """The tolerance for a policy whose own rounding is known.

    Args:
        rounding: of the framework, see :func:`own_rounding`.

    Raises:
        BundleError: the policy amplifies rounding too much to be deployed.
    """
    allowed = max(TOLERANCE, SLACK * rounding)
    if not SLACK * rounding <= LARGEST_TOLERANCE:  # NaN too
        raise BundleError(
            f"PyTorch's own answers change by {rounding:.1e} between single and double precision: the policy amplifies "
            "rounding.",
            "use an objective that predicts x0 or v, fewer levels, or the clipping of samples.",
        )
    return allowed


def graph_errors(graph: bytes, inputs: Arrays, outputs: Arrays) -> dict[str, float]:
    """Largest absolute difference per output between ONNX Runtime on the CPU and the reference; NaN if one is NaN."""
    session = create_session(graph, "cpu", threads=1)
    answers = session.run(list(outputs), inputs)
    return {name: float(np.abs(a - b).max()) for (name, b), a in zip(outputs.items(), answers, strict=True)}
