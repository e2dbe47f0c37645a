"""The whole Diffusion policy as one graph whose sampler is a loop (ONNX ``Scan``) over the rows of a table.

Unrolled, the graph grows with the number of steps, and ONNX Runtime keeps a packed copy of all weights for every step:
ten steps of a network of 248 M weights would take 10 GB, and those of a small one no longer fit the processor's cache.
In a loop the weights are there once, and LeRobot's default of 100 steps is a graph like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from policy_nodes.bundle.manifest import ActionSpec, ImageFeature, ObservationFeature
from training.convert.lerobot.deployed import DeployedPolicy
from training.convert.lerobot.diffusion import DiffusionModel
from training.convert.lerobot.normalization import Affine
from training.convert.lerobot.unet_graph import Film, UnetGraph
from training.export.builder import GraphBuilder
from training.export.graph import ACTION, EMBEDDING, NOISE, to_onnx

COLUMNS = ("signal", "noise", "data_gain", "sample_gain", "output_gain", "sigma")


class _Condition(nn.Module):
    """Observations and cameras by position -> conditioning vector."""

    def __init__(self, policy: DeployedPolicy) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.policy.condition(dict(zip(self.policy.names, inputs, strict=True)))


def diffusion_graph(
    policy: DeployedPolicy,
    observations: Sequence[ObservationFeature],
    images: Sequence[ImageFeature],
    actions: ActionSpec,
    metadata: dict[str, str],
) -> bytes:
    """Serialised model with the inputs and outputs of ``export_graph``, and the same numbers up to rounding.

    Args:
        policy: around a :class:`DiffusionModel`.
        observations: contract features, in the policy's order.
        images: contract cameras, in the policy's order.
        actions: joints and horizon.
        metadata: string pairs stored in the file.
    """
    examples = [torch.zeros(2, f.history, f.size) for f in observations]
    examples += [torch.zeros(2, image.history, *image.shape, dtype=torch.uint8) for image in images]
    condition = _Condition(policy).eval()
    names = list(policy.names)
    model = onnx.load_from_string(
        to_onnx(condition, tuple(examples), names, metadata, variadic=True, outputs=(EMBEDDING,))
    )
    diffusion: Any = policy.model
    channels, rows = len(actions.joints), diffusion.noise_rows
    noise = onnx.helper.make_tensor_value_info(NOISE, onnx.TensorProto.FLOAT, ["batch", rows, channels])
    model.graph.input.append(noise)
    graph = GraphBuilder("sampler_")
    sample = _sampled(graph, diffusion, channels)
    bounds = [graph.integers(value) for value in (diffusion.history - 1, diffusion.horizon, 1)]
    _inverse(graph, policy.unnormalize, graph.op("Slice", sample, *bounds))
    embedding = model.graph.output.pop()
    graph.append_to(model, {ACTION: [actions.horizon, channels]})
    model.graph.output.append(embedding)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _sampled(graph: GraphBuilder, model: DiffusionModel, channels: int) -> str:
    """The last sample (B, horizon, A) of the chain that begins with the first rows of the noise."""
    plan, horizon = model.plan, model.horizon
    film = Film(model.unet, [step.timestep for step in plan.steps])
    table = np.array([[getattr(step, name) for name in COLUMNS] for step in plan.steps], dtype=np.float32)
    body = GraphBuilder("step_")
    following = _step(body, model, film, table)
    kept = body.op("Identity", "observed", output="observed_next")
    start, draws = NOISE, []
    if plan.draws > 1:  # the last step adds nothing, so that the first draw may stand in for it
        first, others = graph.split(NOISE, [horizon, (plan.draws - 1) * horizon], axis=1)
        start = first
        rolled = graph.reshape(graph.op("Concat", others, first, axis=1), -1, plan.draws, horizon, channels)
        draws = [(rolled, "draw", ["batch", horizon, channels], 1)]
    shape = [horizon, channels]
    return graph.scan(
        body,
        [(start, "sample", following, shape), (film.observed(graph, EMBEDDING), "observed", kept, [film.width])],
        [
            (graph.constant(table), "factors", [len(COLUMNS)], 0),
            (graph.constant(film.table), "level", [film.width], 0),
            *draws,  # type: ignore[list-item]
        ],
    )


def _step(body: GraphBuilder, model: DiffusionModel, film: Film, table: np.ndarray[Any, Any]) -> str:
    """One update of the sample, see :class:`schedule.Step`."""
    plan, op = model.plan, body.op
    factor = dict(zip(COLUMNS, body.split("factors", [1] * len(COLUMNS), axis=0), strict=True))
    used = {name for name, column in zip(COLUMNS, table.T, strict=True) if column.any()}
    parts = film.parts(body, op("Add", "observed", "level"))
    groups: Any = film.blocks[0].conv1.block[1]
    output = UnetGraph(body, parts, groups.num_groups).forward(model.unet, "sample", model.horizon)
    if plan.predicts_noise:
        epsilon = output
        data = op("Div", op("Sub", "sample", op("Mul", output, factor["noise"])), factor["signal"])
    else:
        epsilon = op("Div", op("Sub", "sample", op("Mul", output, factor["signal"])), factor["noise"])
        data = output
    if plan.clip is not None:
        data = op("Clip", data, body.constant(-plan.clip), body.constant(plan.clip))
    total = op("Mul", data, factor["data_gain"])
    for name, value in (("sample_gain", "sample"), ("output_gain", epsilon), ("sigma", "draw")):
        if name in used:
            total = op("Add", total, op("Mul", value, factor[name]))
    return total


def _inverse(graph: GraphBuilder, affine: Affine, y: str) -> str:
    """:meth:`Affine.inverse` as the graph's output."""
    if affine.mode == "IDENTITY":
        return graph.op("Identity", y, output=ACTION)
    if affine.mode != "MEAN_STD":
        y = graph.op("Div", graph.op("Add", y, graph.constant(1.0)), graph.constant(2.0))
    scaled = graph.op("Mul", y, graph.constant(affine.factor.numpy()))
    return graph.op("Add", scaled, graph.constant(affine.shift.numpy()), output=ACTION)
