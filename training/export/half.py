"""Half precision for GPUs: weights and inner operators in float16, the ends of a graph in float32.

Graph inputs and outputs stay single, and so do normalisation before the first matrix product and scaling after the
last, whose raw quantities may exceed what half precision resolves, and sums over a row (softmax, layer norm). Every
other operator reads and writes half precision; a tensor that is needed in both has one cast.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper

from policy_nodes.errors import BundleError

PRODUCTS = ("MatMul", "Gemm")
SINGLE = ("Softmax", "LayerNormalization", "ReduceMean", "ReduceSum", "Pow", "Range")
"""Sums over a row, and what feeds them."""
UNTOUCHED = ("Cast", "Constant", "ConstantOfShape", "Shape", "Size")
"""Operators with a type of their own."""


def to_half(graph: bytes) -> bytes:
    """The graph in half precision inside; same inputs and outputs.

    Args:
        graph: in single precision, weights inside.

    Raises:
        BundleError: part of it runs in a loop, see :func:`require_flat`.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(graph))
    require_flat(model)
    _Converter(model).run()
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    return model.SerializeToString()


def require_flat(model: onnx.ModelProto) -> None:
    """Refuse a graph with graphs inside (Scan, Loop, If): a conversion that leaves out the network is none.

    Raises:
        BundleError: naming the operator.
    """
    for node in model.graph.node:
        if any(attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for attribute in node.attribute):
            raise BundleError(
                f"The network is inside operator '{node.op_type}' ({node.name or 'unnamed'}), whose inner operators "
                "would stay in single precision.",
                "keep this bundle in single precision; on a GPU, TensorRT computes it in half with precision:=float16.",
            )


class _Converter:
    """Walks the nodes in order; every float tensor is there in the form in which it was made, and cast on demand."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        declared = (*self.graph.value_info, *self.graph.input, *self.graph.output)
        self.floats = {value.name for value in declared if value.type.tensor_type.elem_type == TensorProto.FLOAT}
        self.weights = {t.name: t for t in self.graph.initializer}
        self.floats |= {name for name, t in self.weights.items() if t.data_type == TensorProto.FLOAT}
        self.single = self.floats & ({value.name for value in self.graph.input} | set(self.weights))
        self.half: dict[str, str] = {}
        self.nodes: list[NodeProto] = []

    def run(self) -> None:
        ends = end_nodes(self.graph)
        for i, node in enumerate(self.graph.node):
            if i in ends or node.op_type in (*SINGLE, *UNTOUCHED):
                for name in node.input:
                    self._in_single(name)
                self.single |= self.floats & set(node.output)
            else:
                node.input[:] = [self._in_half(name) for name in node.input]
                for j, name in enumerate(node.output):
                    if name in self.floats:
                        self.half[name] = node.output[j] = f"{name}_half"
            self.nodes.append(node)
        for value in self.graph.output:
            self._in_single(value.name)
        used = {name for node in self.nodes for name in node.input}
        kept = [t for t in self.graph.initializer if t.name in used]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(self.nodes)
        self.graph.initializer.extend(kept)

    def _in_half(self, name: str) -> str:
        if name not in self.floats:
            return name
        if name not in self.half:
            self.half[name] = f"{name}_half"
            if name in self.weights:
                values = numpy_helper.to_array(self.weights[name]).astype(np.float16)
                self.graph.initializer.append(numpy_helper.from_array(values, self.half[name]))
            else:
                self.nodes.append(helper.make_node("Cast", [name], [self.half[name]], to=TensorProto.FLOAT16))
        return self.half[name]

    def _in_single(self, name: str) -> None:
        if name in self.half and name not in self.single:
            self.single.add(name)
            self.nodes.append(helper.make_node("Cast", [self.half[name]], [name], to=TensorProto.FLOAT))


def end_nodes(graph: onnx.GraphProto) -> set[int]:
    """Indices of the nodes that no matrix product feeds, or that feed none."""
    behind: set[str] = set()
    ahead: set[str] = set()
    ends = set()
    for i, node in enumerate(graph.node):
        if node.op_type in PRODUCTS or any(name in behind for name in node.input):
            behind.update(node.output)
        else:
            ends.add(i)
    for i, node in reversed(list(enumerate(graph.node))):
        if node.op_type in PRODUCTS or any(name in ahead for name in node.output):
            ahead.update(node.input)
        else:
            ends.add(i)
    return ends
