"""int8 by calibration: matrix products of a policy as QuantizeLinear/DequantizeLinear pairs.

Static quantisation (Jacob et al., arXiv 1712.05877): weights per channel, activations per tensor, ranges are the
extremes seen on calibration inputs. Weights keep seven bits, because processors without VNNI saturate 16-bit sums of
full-range products and would answer otherwise.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import onnx
from numpy.typing import NDArray

from training.export.half import PRODUCTS, require_flat

Feeds = Mapping[str, NDArray[np.float32]]


def to_int8(graph: bytes, calibration: Sequence[Feeds]) -> bytes:
    """The graph with its matrix products in int8.

    Args:
        graph: a policy in single precision, weights inside.
        calibration: inputs as the robot will see them, by name, each with a leading batch dimension.

    Returns:
        The serialised model, weights inside; same inputs and outputs.

    Raises:
        BundleError: part of it runs in a loop, which the quantiser passes over without a word.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Hands out the calibration inputs one by one."""

        def __init__(self) -> None:
            self.feeds: Iterator[Feeds] = iter(calibration)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            """The next inputs, None at the end."""
            feed = next(self.feeds, None)
            return None if feed is None else dict(feed)

    model = onnx.load_from_string(graph)
    require_flat(model)
    for i, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{i}"  # the quantiser names its tensors after the nodes
    with _quiet(), tempfile.TemporaryDirectory() as directory:
        source, target = f"{directory}/source.onnx", f"{directory}/target.onnx"
        onnx.save(model, source)
        quantize_static(
            source,
            target,
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(PRODUCTS),
            nodes_to_exclude=_without_weights(model),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Products hand on single precision: one rounding less, and one fused kernel per product.
            extra_options={"OpTypesToExcludeOutputQuantization": list(PRODUCTS)},
        )
        model = onnx.load(target)
    del model.graph.value_info[:]
    return model.SerializeToString()


def _without_weights(model: onnx.ModelProto) -> list[str]:
    """Names of products of two activations: kinematics and attention need their precision and save no memory."""
    weights = {tensor.name for tensor in model.graph.initializer}
    weights |= {name for node in model.graph.node if node.op_type == "Constant" for name in node.output}
    return [node.name for node in model.graph.node if node.op_type in PRODUCTS and node.input[1] not in weights]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantiser's advice on standard error."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
