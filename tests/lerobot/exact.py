"""Networks in double precision, to tell rounding from an error: LeRobot's own, and an exported graph."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import AttributeProto, TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from tests.lerobot import reference

Arrays = dict[str, np.ndarray]


def lerobots(policy: Any, directory: Path, given: Arrays) -> np.ndarray:
    """LeRobot's answers when its processors, network and sampler compute in float64."""
    with _double_by_default():
        return reference.answers(copy.deepcopy(policy).double(), directory, doubled(given))


def graphs(graph: bytes, given: Arrays, output: str) -> np.ndarray:
    """An output of a graph whose constants are widened to float64, evaluated operator by operator in float64."""
    model = onnx.load_from_string(graph)
    _widen(model.graph)
    return np.asarray(ReferenceEvaluator(model).run([output], doubled(given))[0])


def doubled(given: Arrays) -> Arrays:
    """Pictures as they are, the rest in float64."""
    return {name: value if value.dtype == np.uint8 else value.astype(np.float64) for name, value in given.items()}


def _widen(graph: onnx.GraphProto) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for tensor in graph.initializer:
        _widen_tensor(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                _widen_tensor(attribute.t)
            elif attribute.type == AttributeProto.GRAPH:
                _widen(attribute.g)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE


def _widen_tensor(tensor: onnx.TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


@contextmanager
def _double_by_default() -> Iterator[None]:
    """LeRobot makes the embedding of a step in the default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
