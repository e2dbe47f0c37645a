"""Looks into an ONNX file and refuses what a deployed policy must not contain.

Refused: data outside the file, constants whose size disagrees with their shape, operators of unknown domains, hidden
randomness (noise must be an input, or parity cannot be proven), unbounded loops, engine blobs, shapes beyond reason.
The one loop that is allowed is a ``Scan`` of the outermost graph over the rows of a constant: a sampler's schedule.

Source: onnx/onnx.proto (IR versions 3 to 13) for the field numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from policy_nodes.bundle import protobuf as pb
from policy_nodes.bundle.limits import MAX_GRAPH_DEPTH, MAX_GRAPH_NODES, MAX_SCAN_STEPS, MAX_TENSOR_ELEMENTS

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
UNBOUNDED = frozenset({"Loop", "SequenceMap"})
OPAQUE = frozenset({"EPContext", "ATen", "PythonOp"})
SHAPE_INPUT = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1, "Reshape": 1}
"""Operators that make a tensor from a shape, and which input that shape is."""
BITS = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 16: 16}
BITS.update({17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2})
ONNX_TYPES = {"float32": 1, "uint8": 2}
"""Element types of inputs and outputs that a bundle may have."""


class GraphError(ValueError):
    """The ONNX file is malformed or holds something a bundle must not contain."""


@dataclass(frozen=True)
class TensorInfo:
    """A graph input or output: ``shape`` has an int per fixed dimension and None per free one; ``dtype`` is ONNX's."""

    name: str
    dtype: int
    shape: tuple[int | None, ...]


@dataclass
class GraphInfo:
    """What the file declares.

    Attributes:
        inputs: graph inputs that are not initializers.
        outputs: graph outputs in order.
        opsets: version by operator domain.
        metadata: the model's key/value properties.
        nodes: operators, subgraphs included.
        parameters: elements of all floating-point constants.
    """

    inputs: list[TensorInfo] = field(default_factory=list)
    outputs: list[TensorInfo] = field(default_factory=list)
    opsets: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    nodes: int = 0
    parameters: int = 0


def inspect_onnx(data: bytes | memoryview) -> GraphInfo:
    """Read the declarations of an ONNX model and refuse unsafe content, without running or unpacking anything.

    Raises:
        GraphError: see the module's description; the text names the tensor or node.
    """
    try:
        return _Reader().model(memoryview(data).cast("B"))
    except pb.WireError as error:
        raise GraphError(f"not an ONNX model: {error}") from None


def _strings(message: memoryview) -> dict[str, str]:
    """A StringStringEntryProto."""
    entry = {1: "", 2: ""}
    for number, _, value in pb.fields(message):
        if number in entry:
            entry[number] = pb.text(value)
    return {entry[1]: entry[2]}


class _Reader:
    """One pass over a model; collects constants by name to check the shapes built from them."""

    def __init__(self) -> None:
        self.info = GraphInfo()
        self.functions: set[tuple[str, str]] = set()
        self.shapes: dict[str, list[int]] = {}
        self.largest: dict[str, int] = {}
        """By constant of the outermost graph, its largest dimension; no entry for a scalar."""

    def model(self, data: memoryview) -> GraphInfo:
        graphs, functions = [], []
        for number, _, value in pb.fields(data):
            if number == 7:
                graphs.append(pb.view(value))
            elif number == 8:
                self._opset(pb.view(value))
            elif number == 14:
                self.info.metadata.update(_strings(pb.view(value)))
            elif number == 20:
                raise GraphError("contains training information; export for inference only")
            elif number == 25:
                functions.append(pb.view(value))
        if len(graphs) != 1:
            raise GraphError(f"not an ONNX model: {len(graphs)} graphs instead of one")
        if not self.info.opsets:
            raise GraphError("declares no operator set")
        for function in functions:
            named = {number: pb.text(value) for number, _, value in pb.fields(function) if number in (1, 10)}
            self.functions.add((named.get(10, ""), named.get(1, "")))
        for function in functions:
            for number, _, value in pb.fields(function):
                if number == 7:
                    self._node(pb.view(value), 1)
        self._graph(graphs[0], 0)
        return self.info

    def _opset(self, data: memoryview) -> None:
        domain, version = "", 0
        for number, _, value in pb.fields(data):
            if number == 1:
                domain = pb.text(value)
            elif number == 2:
                version = pb.number(value)
        self.info.opsets[domain] = version

    def _graph(self, data: memoryview, depth: int) -> None:
        if depth > MAX_GRAPH_DEPTH:
            raise GraphError(f"subgraphs are nested deeper than {MAX_GRAPH_DEPTH}")
        nodes, inputs, outputs, constants = [], [], [], set()
        for number, _, value in pb.fields(data):
            if number == 1:
                nodes.append(pb.view(value))
            elif number == 5:
                constant, sizes, dims = self._tensor(pb.view(value))
                constants.add(constant)
                self.shapes[constant] = sizes
                if depth == 0 and dims:
                    self.largest[constant] = max(*dims, self.largest.get(constant, 0))
            elif number == 11:
                inputs.append(_value_info(pb.view(value)))
            elif number == 12:
                outputs.append(_value_info(pb.view(value)))
            elif number == 15:
                raise GraphError("sparse constants are not supported; export dense weights")
        for node in nodes:
            self._node(node, depth)
        if depth == 0:
            self.info.inputs = [tensor for tensor in inputs if tensor.name not in constants]
            self.info.outputs = outputs

    def _node(self, data: memoryview, depth: int) -> None:
        self.info.nodes += 1
        if self.info.nodes > MAX_GRAPH_NODES:
            raise GraphError(f"more than {MAX_GRAPH_NODES} operators")
        inputs, outputs, name, op_type, domain, attributes = [], [], "", "", "", []
        for number, _, value in pb.fields(data):
            if number == 1:
                inputs.append(pb.text(value))
            elif number == 2:
                outputs.append(pb.text(value))
            elif number == 3:
                name = pb.text(value)
            elif number == 4:
                op_type = pb.text(value)
            elif number == 5:
                attributes.append(pb.view(value))
            elif number == 7:
                domain = pb.text(value)
        where = f"operator {op_type!r} ({name or 'unnamed'})"
        if (domain, op_type) not in self.functions and domain not in DOMAINS:
            raise GraphError(f"{where} belongs to the unknown domain {domain!r}")
        if op_type in RANDOM:
            raise GraphError(f"{where} draws random numbers inside the graph; noise must be an input")
        if op_type in UNBOUNDED:
            raise GraphError(f"{where} loops; unroll the sampler at export")
        if op_type == "Scan":
            self._scan(where, inputs, attributes, depth)
        if op_type in OPAQUE:
            raise GraphError(f"{where} is opaque; export plain ONNX operators")
        for attribute in attributes:
            for sizes in self._attribute(attribute, depth):
                if op_type == "Constant" and outputs:
                    self.shapes[outputs[0]] = sizes
        position = SHAPE_INPUT.get(op_type)
        if position is not None and position < len(inputs):
            sizes = self.shapes.get(inputs[position], [])
            if math.prod(max(size, 1) for size in sizes) > MAX_TENSOR_ELEMENTS:
                raise GraphError(f"{where} builds a tensor of shape {sizes[:8]}, beyond reason")

    def _scan(self, where: str, inputs: list[str], attributes: list[memoryview], depth: int) -> None:
        """Refuse a loop whose number of turns is not known and small: all scanned tensors are equally long."""
        scanned = 0
        for attribute in attributes:
            found = {number: value for number, _, value in pb.fields(attribute) if number in (1, 3)}
            if 1 in found and pb.text(found[1]) == "num_scan_inputs":
                scanned = pb.signed(pb.number(found.get(3, 0)))
        if depth or not 1 <= scanned < len(inputs):
            raise GraphError(f"{where} loops inside a subgraph, or over nothing")
        if not 1 <= self.largest.get(inputs[-scanned], 0) <= MAX_SCAN_STEPS:
            raise GraphError(f"{where} loops; its first scanned tensor must be a constant of at most {MAX_SCAN_STEPS}")

    def _attribute(self, data: memoryview, depth: int) -> Iterator[list[int]]:
        """Check one attribute; yields the integers of each constant in it."""
        listed: list[int] = []
        for number, kind, value in pb.fields(data):
            if number in (5, 10):
                yield self._tensor(pb.view(value))[1]
            elif number == 8:
                listed += pb.integers(kind, value)
            elif number in (6, 11):
                self._graph(pb.view(value), depth + 1)
            elif number in (22, 23):
                raise GraphError("sparse constants are not supported; export dense weights")
        if listed:
            yield listed

    def _tensor(self, data: memoryview) -> tuple[str, list[int], list[int]]:
        """Check one constant; returns its name, where it may serve as a shape its integers, and its dimensions."""
        dims: list[int] = []
        dtype, name, raw, counted, payload = 0, "", None, 0, []
        for number, kind, value in pb.fields(data):
            if number == 1:
                dims += pb.integers(kind, value)
                if len(dims) > 64:
                    raise GraphError("a constant has more than 64 dimensions")
            elif number == 2:
                dtype = pb.number(value)
            elif number == 8:
                name = pb.text(value)
            elif number == 9:
                raw = pb.view(value)
            elif number in (4, 5, 7, 10, 11):
                counted += _count(number, kind, value)
                if number == 7 and counted <= 64:
                    payload += pb.integers(kind, value)
            elif number == 13 or (number == 14 and value != 0):
                raise GraphError(f"constant {name!r} keeps its data outside the file")
        if dtype not in BITS:
            raise GraphError(f"constant {name!r} has the unsupported element type {dtype}")
        elements = math.prod(dims)
        if any(size < 0 for size in dims) or elements > MAX_TENSOR_ELEMENTS:
            raise GraphError(f"constant {name!r} has the impossible shape {dims[:8]}")
        held = len(raw) if raw is not None else counted
        wanted = -(-elements * BITS[dtype] // 8) if raw is not None else elements
        # Sub-byte types are packed two or four to an int32 in typed storage: fewer entries than elements.
        if held != wanted and not (raw is None and BITS[dtype] < 8 and held == -(-elements * BITS[dtype] // 8)):
            raise GraphError(f"constant {name!r} of shape {dims[:8]} holds {held} instead of {wanted} entries")
        if dtype in (1, 10, 11, 16):
            self.info.parameters += elements
        if dtype != 7 or elements > 64:
            return name, [], dims
        return name, np.frombuffer(raw, "<i8").tolist() if raw is not None else payload, dims


def _count(number: int, kind: int, value: int | memoryview) -> int:
    """Entries in one occurrence of a typed data field."""
    width = {4: 4, 10: 8}.get(number)
    if isinstance(value, int):
        return 1
    if kind != pb.BYTES:
        return 1
    if width is not None:
        return len(value) // width
    return int(np.count_nonzero(np.frombuffer(value, np.uint8) < 0x80))


def _value_info(data: memoryview) -> TensorInfo:
    name, types = "", []
    for number, _, value in pb.fields(data):
        if number == 1:
            name = pb.text(value)
        elif number == 2:
            types += [(kind, pb.view(item)) for kind, _, item in pb.fields(pb.view(value)) if kind in (1, 4, 5, 8, 9)]
    if not name or [kind for kind, _ in types] != [1]:
        raise GraphError(f"input or output {name!r} is not a dense tensor")
    dtype, shape = 0, []
    for number, _, value in pb.fields(types[0][1]):
        if number == 1:
            dtype = pb.number(value)
        elif number == 2:
            shape += [_dimension(pb.view(item)) for kind, _, item in pb.fields(pb.view(value)) if kind == 1]
    return TensorInfo(name, dtype, tuple(shape))


def _dimension(data: memoryview) -> int | None:
    for number, _, value in pb.fields(data):
        if number == 1:
            return pb.signed(pb.number(value))
    return None
