"""Writes ONNX operators one by one, for graphs whose operators matter more than the convenience of an exporter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper


class GraphBuilder:
    """Nodes and constants of one graph, or of the body of a loop.

    Args:
        prefix: of all names that it makes; two builders of one model need different ones.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[NodeProto] = []
        self.constants: dict[tuple[Any, ...], TensorProto] = {}
        self._made = 0

    def name(self) -> str:
        """A name that was not used before."""
        self._made += 1
        return f"{self.prefix}{self._made}"

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        """Name of a constant; equal ones are stored once."""
        array: NDArray[Any] = np.ascontiguousarray(np.asarray(value, dtype=dtype)).reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, self.name())
        return self.constants[key].name

    def integers(self, *values: int) -> str:
        """Name of a constant int64 vector, such as a shape."""
        return self.constant(list(values), np.int64)

    def op(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Append an operator with one output; returns the output's name."""
        name = output or self.name()
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def split(self, value: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Cut along an axis."""
        names = [self.name() for _ in sizes]
        self.nodes.append(helper.make_node("Split", [value, self.integers(*sizes)], names, axis=axis))
        return names

    def reshape(self, value: str, *shape: int) -> str:
        """One dimension may be -1."""
        return self.op("Reshape", value, self.integers(*shape))

    def scan(
        self,
        body: GraphBuilder,
        states: Sequence[tuple[str, str, str, Sequence[int]]],
        elements: Sequence[tuple[str, str, Sequence[int], int]],
    ) -> str:
        """A loop over rows of constants (ONNX ``Scan``), whose body is a graph without captured names.

        Args:
            body: of the loop.
            states: per state its start here, its name in the body, its next value there, and its shape after the batch.
            elements: per scanned tensor its name here, of a row in the body, shape of a row and the axis of the rows.
                The first must be a constant, which bounds the number of turns.

        Returns:
            The last value of the first state.
        """
        made = helper.make_tensor_value_info
        inputs = [made(name, TensorProto.FLOAT, ["batch", *shape]) for _, name, _, shape in states]
        inputs += [made(name, TensorProto.FLOAT, list(shape)) for _, name, shape, _ in elements]
        outputs = [made(following, TensorProto.FLOAT, ["batch", *shape]) for _, _, following, shape in states]
        graph = helper.make_graph(body.nodes, f"{self.prefix}body", inputs, outputs, list(body.constants.values()))
        results = [self.name() for _ in states]
        self.nodes.append(
            helper.make_node(
                "Scan",
                [start for start, _, _, _ in states] + [name for name, _, _, _ in elements],
                results,
                body=graph,
                num_scan_inputs=len(elements),
                scan_input_axes=[axis for _, _, _, axis in elements],
            )
        )
        return results[0]

    def append_to(self, model: onnx.ModelProto, outputs: dict[str, Sequence[int]]) -> None:
        """Add everything to a model, and name further graph outputs with their shapes after the batch."""
        model.graph.node.extend(self.nodes)
        model.graph.initializer.extend(self.constants.values())
        for name, shape in outputs.items():
            model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]))
