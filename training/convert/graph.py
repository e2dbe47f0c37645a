"""Wraps a policy graph (one flat observation -> one action) so that it reads raw sensors and writes a chunk of targets.

``input_i (batch, history, size)`` -> subtract, multiply, stack as in training -> the policy as it is -> multiply by the
action scale -> ``action (batch, horizon, joints)``, the one action repeated. The default pose is added outside the
graph: it is the contract's ``offset``. Weights are not touched.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from policy_nodes.errors import BundleError
from training.convert.settings import HistoryOrder
from training.convert.terms import Term

ACTION = "action"
PREFIX, POLICY = "keel/", "policy/"
OPSET_MINIMUM = 13
_EXPORT = "export the policy network alone: one float32 input (1, observations), one output (1, actions), opset 13+"


def policy_ports(model: onnx.ModelProto, actions: int) -> tuple[str, int, str]:
    """Name and size of the policy's observation input, and name of its action output.

    Args:
        model: as exported by the framework.
        actions: number of joints.

    Raises:
        BundleError: recurrent state, a time step, images, several inputs, or an output of another size.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        raise BundleError(
            f"The graph has the inputs {names}; recurrent state and reference motions are not supported.",
            _EXPORT,
        )
    shape = _shape(inputs[0])
    kind = inputs[0].type.tensor_type.elem_type
    if len(shape) != 2 or not shape[1] or shape[0] not in (0, 1) or kind != TensorProto.FLOAT:
        raise BundleError(f"Input '{inputs[0].name}' has shape {shape} and ONNX type {kind}.", _EXPORT)
    fitting = [value for value in model.graph.output if _shape(value)[-1:] == [actions]]
    named = [value for value in fitting if value.name in ("actions", "action")]
    chosen = named or fitting
    if len(chosen) != 1 or (len(model.graph.output) > 1 and not named):
        names = ", ".join(f"{value.name} {_shape(value)}" for value in model.graph.output)
        raise BundleError(f"No output is one action of {actions} joints (outputs: {names}).", _EXPORT)
    return inputs[0].name, shape[1], chosen[0].name


def _shape(value: onnx.ValueInfoProto) -> list[int]:
    """Dimensions, 0 where free."""
    return [dim.dim_value for dim in value.type.tensor_type.shape.dim]


def wrap(
    model: onnx.ModelProto,
    terms: Sequence[Term],
    features: Sequence[str],
    action_scale: NDArray[np.float64],
    *,
    horizon: int,
    order: HistoryOrder,
    newest_first: bool,
) -> onnx.ModelProto:
    """The wrapped graph; ``model`` is left as it is.

    Args:
        model: the policy.
        terms: its observation, in order; their sizes times histories add up to its input.
        features: graph input of each term.
        action_scale: (joints,).
        horizon: rows of the chunk, all equal.
        order: how histories are stacked.
        newest_first: the policy wants the newest step first.

    Raises:
        BundleError: the ports do not fit, or the opset is too old.
    """
    observation, size, action = policy_ports(model, action_scale.size)
    if sum(term.size * term.history for term in terms) != size:
        parts = " + ".join(f"{term.size}x{term.history} {term.contract['name']}" for term in terms)
        raise BundleError(
            f"The policy takes {size} numbers, its observation terms make {parts}.",
            "correct --observations or --history; Isaac Lab and mjlab print the terms at start",
        )
    opset = next((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), 0)
    if opset < OPSET_MINIMUM:
        raise BundleError(f"The graph uses operator set {opset}.", _EXPORT)
    if order == "time" and len({term.history for term in terms}) > 1:
        raise BundleError(
            "Whole observations cannot be stacked when terms differ in history.", "use --history-order term"
        )
    inner = compose.add_prefix(model, POLICY)  # its names must not meet ours: some exporters write "action" as well
    builder = _Builder()
    stacked = [builder.term(term, name, order, newest_first) for term, name in zip(terms, features, strict=True)]
    builder.join(stacked, POLICY + observation, size, order)
    builder.nodes += [_without_internals(node) for node in inner.graph.node]
    builder.chunk(POLICY + action, action_scale, horizon)
    graph = helper.make_graph(
        builder.nodes,
        "policy",
        [_tensor(name, term.history, term.size) for term, name in zip(terms, features, strict=True)],
        [_tensor(ACTION, horizon, action_scale.size)],
        [*inner.graph.initializer, *builder.constants],
    )
    wrapped = helper.make_model(graph, opset_imports=list(inner.opset_import), functions=list(inner.functions))
    wrapped.ir_version = model.ir_version
    return wrapped


def _tensor(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])


def _without_internals(node: onnx.NodeProto) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.doc_string = ""
    del copy.metadata_props[:]
    return copy


class _Builder:
    """Collects the nodes and constants around the policy; all names begin with ``PREFIX``."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(value, PREFIX + name))
        return PREFIX + name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: int) -> str:
        self.nodes.append(
            helper.make_node(kind, inputs, [output], name=f"{PREFIX}{len(self.nodes)}_{kind}", **attributes)
        )
        return output

    def term(self, term: Term, name: str, order: HistoryOrder, newest_first: bool) -> str:
        """(batch, history, size) raw -> (batch, history * size) or, stacked by time, (batch, history, size)."""
        out = f"{PREFIX}{name}"
        value = self.node(
            "Sub", [name, self.constant(f"{name}/offset", term.offset.astype(np.float32))], f"{out}/centred"
        )
        value = self.node(
            "Mul", [value, self.constant(f"{name}/factor", term.factor.astype(np.float32))], f"{out}/scaled"
        )
        if newest_first and term.history > 1:
            backwards = self.constant(f"{name}/order", np.arange(term.history - 1, -1, -1, dtype=np.int64))
            value = self.node("Gather", [value, backwards], f"{out}/reversed", axis=1)
        if order == "time":
            return value
        flat = self.constant(f"{name}/flat", np.array([-1, term.history * term.size], dtype=np.int64))
        return self.node("Reshape", [value, flat], f"{out}/flat_value")

    def join(self, values: list[str], observation: str, size: int, order: HistoryOrder) -> None:
        """Concatenate into the policy's own input."""
        if order == "term":
            self.node("Concat", values, observation, axis=1)
            return
        stacked = self.node("Concat", values, f"{PREFIX}stacked", axis=2)
        self.node("Reshape", [stacked, self.constant("flat", np.array([-1, size], dtype=np.int64))], observation)

    def chunk(self, action: str, scale: NDArray[np.float64], horizon: int) -> None:
        """(batch, joints) -> (batch, horizon, joints), scaled."""
        value = self.node("Mul", [action, self.constant("action_scale", scale.astype(np.float32))], f"{PREFIX}action")
        value = self.node("Unsqueeze", [value, self.constant("one", np.array([1], dtype=np.int64))], f"{PREFIX}row")
        self.node("Concat", [value] * horizon, ACTION, axis=1)
