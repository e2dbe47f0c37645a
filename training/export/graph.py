"""One ONNX graph from raw observation history and noise to raw action chunk and embedding; the sampler is unrolled."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from policy_nodes.bundle.manifest import ActionSpec, ImageFeature, ObservationFeature
from training.export.optimize import optimize
from training.export.quiet import quiet_exporter

NOISE, ACTION, EMBEDDING = "noise", "action", "embedding"
OPSET = 18


class _Positional(nn.Module):
    """The policy with its features as positional inputs, which is what graph exporters understand."""

    def __init__(self, policy: nn.Module, features: Sequence[str]) -> None:
        super().__init__()
        self.policy, self.features = policy, tuple(features)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        observation = dict(zip(self.features, inputs, strict=False))
        noise = inputs[-1] if len(inputs) > len(self.features) else None
        chunk, embedding = self.policy(observation, noise)
        return chunk, embedding


def export_graph(
    policy: nn.Module,
    features: Sequence[ObservationFeature],
    actions: ActionSpec,
    metadata: dict[str, str],
    noise_rows: int | None = None,
    images: Sequence[ImageFeature] = (),
) -> bytes:
    """Export with a dynamic batch dimension.

    Args:
        policy: module (dict of (B, history, size), noise (B, rows, A)) -> (chunk (B, H, A), embedding (B, E)).
        features: contract features; each becomes the graph input of the same name.
        actions: shape of the chunk.
        metadata: string pairs stored in the ONNX file.
        noise_rows: rows of the noise input; H when None, no noise input when 0 (the policy is then given None).
        images: contract cameras; each becomes a uint8 input (B, history, height, width, channels) of the same name.

    Returns:
        The serialised model, weights inside.
    """
    # Two samples, because an exporter specialises a dimension of size one.
    inputs = [torch.zeros(2, f.history, f.size) for f in features]
    inputs += [torch.zeros(2, image.history, *image.shape, dtype=torch.uint8) for image in images]
    rows = actions.horizon if noise_rows is None else noise_rows
    if rows:
        inputs.append(torch.zeros(2, rows, len(actions.joints)))
    observed = [*(feature.name for feature in features), *(image.name for image in images)]
    module = _Positional(policy, observed).eval()
    names = [*observed, NOISE][: len(inputs)]
    return to_onnx(module, tuple(inputs), names, metadata, variadic=True)


def to_onnx(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    names: Sequence[str],
    metadata: dict[str, str],
    *,
    variadic: bool = False,
    outputs: Sequence[str] = (ACTION, EMBEDDING),
) -> bytes:
    """ONNX of a module, with a dynamic leading dimension.

    Args:
        module: called with ``inputs`` by position.
        inputs: examples with two samples or more.
        names: of the graph's inputs.
        metadata: string pairs stored in the ONNX file.
        variadic: the module's forward takes ``*inputs``.
        outputs: names of what the module returns.

    Returns:
        The serialised model, weights inside.
    """
    batch = torch.export.Dim("batch", min=1, max=65536)
    free = tuple({0: batch} for _ in inputs)
    with quiet_exporter(), tempfile.TemporaryDirectory() as directory:
        program = torch.onnx.export(
            module,
            inputs,
            dynamo=True,
            optimize=False,
            verbose=False,
            opset_version=OPSET,
            input_names=list(names),
            output_names=list(outputs),
            dynamic_shapes=(free,) if variadic else free,
        )
        assert program is not None
        optimize(program.model)
        path = Path(directory) / "policy.onnx"
        program.save(str(path), external_data=False)
        model = onnx.load(str(path))
    for node in model.graph.node:  # source locations and torch internals; half of the file otherwise
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    for key, value in metadata.items():
        item = model.metadata_props.add()
        item.key, item.value = key, value
    onnx.checker.check_model(model)
    return model.SerializeToString()
