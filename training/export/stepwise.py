"""One denoising step as a graph of its own, which the robot runs as often as its time allows (anytime sampling).

The step graph maps observation, noisy chunk and the number of a row of its table to the clean estimate. Each row holds
the level that the network is told and the factors of the objective; rows are grouped into schedules, one per number of
evaluations, with the sampler's recurrence beside them (``samplers/recurrence.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import GraphTensor, Parity, StepGraph, StepSchedule
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import update_manifest
from policy_nodes.inference.parity import load_parity
from policy_nodes.inference.stepwise import ESTIMATE, ROW, SAMPLE, StepwiseSession
from training.export.contents import require_parity
from training.export.deployable import step_deployable
from training.export.graph import ACTION, EMBEDDING, NOISE, to_onnx
from training.export.parity import accepted, graph_errors, own_rounding
from training.export.recorded import pack
from training.imitation.build import TrainedPolicy
from training.policies.chunk_policy import ChunkPolicy, Observation
from training.policies.combinations import sampler_info
from training.samplers.recurrence import recurrence

STEP_FILE, STEP_PARITY = "policy_step.onnx", "parity_step.npz"
TINY = 1e-9
"""Probe of the factors of an objective, small enough to be below its clip."""


@dataclass(frozen=True)
class Row:
    """What the step graph is told by a number: a time, and the number of steps of its schedule."""

    time: float
    steps: int


class DenoiseStep(nn.Module):
    """Observation, point (B, H, A) and row number (B, 1) -> raw chunk, embedding, clean estimate (B, H, A).

    Args:
        policy: copied and prepared for deployment.
        rows: of the table.
    """

    factors: Tensor
    extra: Tensor
    levels: Tensor

    def __init__(self, policy: ChunkPolicy, rows: Sequence[Row]) -> None:
        super().__init__()
        objective = policy.objective
        self.policy = step_deployable(policy, [objective.level(row.time) for row in rows])
        self.clip: float | None = getattr(objective, "clip", None)
        self.register_buffer("factors", torch.tensor([factors(policy, row.time) for row in rows]), persistent=False)
        told = [objective.step_condition(row.steps)[0] for row in rows]
        self.register_buffer("extra", torch.stack(told), persistent=False)
        self.register_buffer("levels", torch.tensor([objective.level(row.time) for row in rows]), persistent=False)

    def forward(self, observation: Observation, sample: Tensor, number: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        policy, row = self.policy, number[:, 0].to(torch.int64)
        gain_in, gain_x, gain_output = self.factors[row].unsqueeze(-1).split(1, dim=1)
        tabulated = getattr(policy.denoiser, "level_numbers", None) is not None
        level = number[:, 0] if tabulated else self.levels[row]
        raw = policy._raw_features(observation)
        packed = policy._pack(raw)
        extra = [self.extra[row]] if policy.objective.extra_condition else []
        output = policy.denoiser(gain_in * sample, level, torch.cat([packed, *extra], dim=-1))
        if policy.config.guidance != 1.0:
            without = policy._pack(raw, policy._without_goal())
            plain = policy.denoiser(gain_in * sample, level, torch.cat([without, *extra], dim=-1))
            output = plain + policy.config.guidance * (output - plain)
        estimate = gain_x * sample + gain_output * output
        if self.clip is not None:
            estimate = estimate.clamp(-self.clip, self.clip)
        chunk = policy.action_normalizer.inverse(estimate) + policy._reference(observation)
        return chunk, packed[:, : policy.config.embedding_size], estimate


def factors(policy: ChunkPolicy, t: float) -> tuple[float, float, float]:
    """Factors of the network's input, and of point and output in the clean estimate, at a time."""
    objective = policy.objective
    one, none = torch.full((1,), TINY, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    scale = float(objective.scale_input(one, t) / TINY)
    return scale, float(objective.to_data(none, one, t) / TINY), float(objective.to_data(one, none, t) / TINY)


class _Positional(nn.Module):
    def __init__(self, step: DenoiseStep, features: Sequence[str]) -> None:
        super().__init__()
        self.step, self.features = step, tuple(features)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        chunk, embedding, estimate = self.step(dict(zip(self.features, inputs, strict=False)), *inputs[-2:])
        return chunk, embedding, estimate


def add_step_graph(bundle: Bundle, trained: TrainedPolicy, steps: Sequence[int]) -> Bundle:
    """Export the step graph, prove one step and the whole chain, and write it into the bundle.

    Args:
        bundle: exported from ``trained``.
        trained: the policy.
        steps: numbers of sampler steps that the robot may choose from; the policy's own is always among them.

    Raises:
        BundleError: a step, or the chain of them, differs from PyTorch.
        ConfigError: the sampler cannot run step by step, or not with such a number of steps.
    """
    policy, manifest = trained.policy, bundle.manifest
    config, info = policy.config, sampler_info(policy.config)
    wanted = sorted({*steps, config.sampling_steps})
    found = {n: recurrence(info, policy.objective, n, config.time_grid) for n in wanted}
    rows = [Row(time, n) for n in wanted for time in found[n].times]
    module = _Positional(DenoiseStep(policy, rows).eval(), [f.name for f in manifest.observations])
    recorded, _ = load_parity(bundle)
    inputs = _inputs(recorded, module.features, rows, manifest.actions.horizon)
    tensors = tuple(torch.from_numpy(value) for value in inputs.values())
    with torch.no_grad():
        outputs = dict(zip((ACTION, EMBEDDING, ESTIMATE), (t.numpy() for t in module(*tensors)), strict=True))
    pairs = contract_pairs(manifest.observations, manifest.actions, manifest.timing.control_rate_hz)
    graph = to_onnx(
        module, tuple(t[:3].clone() for t in tensors), list(inputs), pairs, variadic=True, outputs=tuple(outputs)
    )
    allowed = accepted(own_rounding(_Named(module, list(inputs)), inputs))
    errors = graph_errors(graph, inputs, outputs)
    require_parity(errors, allowed, "the step graph differs from PyTorch", "use the versions of constraints.txt.")
    schedules, first = [], 0
    for n in wanted:
        end = first + len(found[n].times)
        mix = [list(row) for row in found[n].mix]
        schedules.append(StepSchedule(steps=n, rows=list(range(first, end)), draws=found[n].draws, mix=mix))
        first = end
    chunk = [manifest.actions.horizon, len(manifest.actions.joints)]
    step = StepGraph(
        file=STEP_FILE,
        parity_file=STEP_PARITY,
        inputs=[
            *(t for t in manifest.policy.inputs if t.role == "observation"),
            GraphTensor(name=SAMPLE, role="sample", shape=chunk),
            GraphTensor(name=ROW, role="row", shape=[1]),
        ],
        outputs=[*manifest.policy.outputs, GraphTensor(name=ESTIMATE, role="estimate", shape=chunk)],
        parity=Parity(samples=len(tensors[0]), tolerance=allowed, max_abs_error=errors),
        schedules=schedules,
    )
    written = update_manifest(
        bundle,
        {STEP_FILE: graph, STEP_PARITY: pack(inputs, outputs)},
        policy=manifest.policy.model_copy(update={"step_graph": step}),
    )
    StepwiseSession(written, steps=config.sampling_steps).warm_up(manifest.parity.samples)
    return written


class _Named(nn.Module):
    """The step with its inputs as a dictionary, which :func:`own_rounding` asks for."""

    def __init__(self, module: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.module, self.names = module, names

    def forward(self, inputs: dict[str, Tensor], noise: Tensor | None) -> tuple[Tensor, Tensor]:
        chunk, embedding, _ = self.module(*(inputs[name] for name in self.names))
        return chunk, embedding


def _inputs(recorded: dict[str, Any], features: Sequence[str], rows: Sequence[Row], horizon: int) -> dict[str, Any]:
    """Recorded observations, recorded noise as the point; the rows of the table take turns."""
    samples = len(recorded[features[0]])
    number = (np.arange(samples, dtype=np.float32) % len(rows))[:, None]
    return {name: recorded[name] for name in features} | {SAMPLE: recorded[NOISE][:, :horizon], ROW: number}
