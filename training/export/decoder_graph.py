"""The fast decoder of a slow-fast policy as ONNX, operator by operator: one GRU instead of a trace through its window.

A graph exporter unrolls the recurrence, which takes a minute; ONNX has the operator. PyTorch orders its gates (reset,
update, new), ONNX (update, reset, new).
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor

from training.export.builder import GraphBuilder
from training.export.graph import ACTION, OPSET
from training.policies.rdp.policy import SlowFastPolicy

LATENT, FELT = "latent", "felt"


def fast_graph(policy: SlowFastPolicy, metadata: dict[str, str]) -> bytes:
    """Model (latent (B, L), felt (B, W, R)) -> action (B, W, A), all raw."""
    config = policy.tokenizer.config
    builder = GraphBuilder("fast_")
    action = decoder(builder, policy, LATENT, FELT)
    builder.op("Identity", action, output=ACTION)

    def tensor(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    size = config.embed * config.tokens + config.action_dim + len(policy.displaced)
    graph = helper.make_graph(
        builder.nodes,
        "fast",
        [tensor(LATENT, size), tensor(FELT, config.horizon, len(policy.displaced))],
        [tensor(ACTION, config.horizon, config.action_dim)],
        list(builder.constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def append_open_loop(model: onnx.ModelProto, policy: SlowFastPolicy) -> None:
    """Give a graph that puts out ``latent`` the action as well: the chunk as if what is felt stayed as it is."""
    config, builder = policy.tokenizer.config, GraphBuilder("open_")
    sizes = [config.embed * config.tokens + config.action_dim, len(policy.displaced)]
    start = builder.split(LATENT, sizes, axis=1)[1]
    still = builder.op("Tile", _row(builder, start), builder.integers(1, config.horizon, 1))
    action = decoder(builder, policy, LATENT, still)
    bounds = [builder.integers(0), builder.integers(policy.horizon), builder.integers(1)]
    builder.op("Slice", action, *bounds, output=ACTION)
    builder.append_to(model, {ACTION: (policy.horizon, config.action_dim)})
    onnx.checker.check_model(model)


def decoder(builder: GraphBuilder, policy: SlowFastPolicy, latent: str, felt: str) -> str:
    """Operators of ``SlowFastPolicy.react``; returns the name of the action (B, W, A)."""
    tokenizer, config = policy.tokenizer, policy.tokenizer.config
    sizes = [config.embed * config.tokens, config.action_dim, len(policy.displaced)]
    tokens, base, start = builder.split(latent, sizes, axis=1)
    grid = builder.reshape(tokens, -1, config.embed, config.tokens)
    wide = builder.op("MatMul", _constant(builder, tokenizer.widen.weight.squeeze(-1)), grid)
    assert tokenizer.widen.bias is not None
    wide = builder.op("Add", wide, _constant(builder, tokenizer.widen.bias.unsqueeze(-1)))
    flat = builder.reshape(wide, -1, 1, config.latent * config.tokens)
    inputs = builder.op("Tile", flat, builder.integers(1, config.horizon, 1))
    if config.reactive_dim:
        moved = builder.op("Mul", _row(builder, start), _constant(builder, policy.displaced))
        change = builder.op("Sub", builder.op("Sub", felt, moved), _constant(builder, policy.felt_normalizer.mean))
        signals = builder.op("Div", change, _constant(builder, policy.felt_normalizer.std))
        inputs = builder.op("Concat", inputs, signals, axis=2)
    hidden = _gru(builder, policy, inputs)
    decoded = builder.op("MatMul", hidden, _constant(builder, tokenizer.head.weight.T))
    decoded = builder.op("Add", decoded, _constant(builder, tokenizer.head.bias))
    raw = builder.op("Mul", decoded, _constant(builder, policy.action_normalizer.std))
    raw = builder.op("Add", raw, _constant(builder, policy.action_normalizer.mean))
    return builder.op("Add", raw, _row(builder, base))


def _gru(builder: GraphBuilder, policy: SlowFastPolicy, inputs: str) -> str:
    """Hidden states (B, W, hidden) of inputs (B, W, I), from the zero state."""
    gru = policy.tokenizer.gru
    parts = dict(gru.named_parameters())
    weights = [_gates(parts[name])[None] for name in ("weight_ih_l0", "weight_hh_l0")]
    bias = np.concatenate([_gates(parts["bias_ih_l0"]), _gates(parts["bias_hh_l0"])])[None]
    states = builder.op(
        "GRU",
        builder.op("Transpose", inputs, perm=[1, 0, 2]),
        *(builder.constant(value) for value in (*weights, bias)),
        hidden_size=gru.hidden_size,
        linear_before_reset=1,
    )
    return builder.op("Transpose", builder.op("Squeeze", states, builder.integers(1)), perm=[1, 0, 2])


def _gates(parameter: Tensor) -> NDArray[np.float32]:
    """PyTorch's (reset, update, new) as ONNX's (update, reset, new)."""
    reset, update, new = np.split(parameter.detach().numpy(), 3)
    return np.concatenate([update, reset, new])


def _row(builder: GraphBuilder, value: str) -> str:
    """(B, n) -> (B, 1, n)."""
    return builder.op("Unsqueeze", value, builder.integers(1))


def _constant(builder: GraphBuilder, tensor: Tensor) -> str:
    return builder.constant(tensor.detach().numpy())
