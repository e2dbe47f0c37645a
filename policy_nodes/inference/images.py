"""Reads the pixels a contract asks for from sensor_msgs/Image by its fields alone; needs no ROS and no image library.

Encodings are those of sensor_msgs/image_encodings. What differs only in the order of channels, in an alpha channel or
in padding at the end of rows is rearranged without loss; another size or another kind of picture is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.manifest import ImageFeature
from policy_nodes.errors import ContractError

Pixels = NDArray[np.uint8]

LAYOUTS: dict[str, dict[str, tuple[int, tuple[int, ...]]]] = {
    "rgb8": {"rgb8": (3, (0, 1, 2)), "bgr8": (3, (2, 1, 0)), "rgba8": (4, (0, 1, 2)), "bgra8": (4, (2, 1, 0))},
    "bgr8": {"bgr8": (3, (0, 1, 2)), "rgb8": (3, (2, 1, 0)), "bgra8": (4, (0, 1, 2)), "rgba8": (4, (2, 1, 0))},
    "mono8": {"mono8": (1, (0,)), "8UC1": (1, (0,))},
}
"""Contract encoding -> message encoding -> (bytes per pixel, which of them become the contract's channels)."""


class ImageReader:
    """Extracts one camera's picture from its messages.

    Args:
        image: of the contract.
    """

    def __init__(self, image: ImageFeature) -> None:
        self._image = image
        self._layouts = LAYOUTS[image.encoding]

    def read(self, message: Any) -> Pixels:
        """Pixels in contract order, (height, width, channels) uint8; may share the message's memory.

        Raises:
            ContractError: encoding, size, row length, amount of data or frame are not what the contract says.
        """
        image = self._image
        layout = self._layouts.get(message.encoding)
        if layout is None:
            raise self._error(
                f"encoding is '{message.encoding}', the contract says '{image.encoding}'",
                f"let the driver publish {' or '.join(self._layouts)}, or convert it with image_proc",
            )
        depth, channels = layout
        if (message.height, message.width) != (image.height, image.width):
            raise self._error(
                f"the picture is {message.width}x{message.height}, the contract says {image.width}x{image.height}",
                "set the camera to the contract's size, or crop and resize as the training data was (image_proc)",
            )
        row = image.width * depth
        if message.step < row or len(message.data) != message.step * image.height:
            raise self._error(
                f"step {message.step} and {len(message.data)} bytes do not make {image.height} rows of {row} bytes",
                "check the driver: data must hold step * height bytes, step at least width * bytes per pixel",
            )
        frame = message.header.frame_id.lstrip("/")
        if image.frame_id is not None and frame != image.frame_id:
            raise self._error(
                f"frame is '{frame}', the contract says '{image.frame_id}'", "check which camera publishes the topic"
            )
        rows = np.frombuffer(message.data, dtype=np.uint8).reshape(image.height, message.step)
        pixels = rows[:, :row].reshape(image.height, image.width, depth)
        if depth == len(channels) and channels == tuple(range(depth)):
            return np.ascontiguousarray(pixels)
        result = np.empty(image.shape, dtype=np.uint8)
        for target, source in enumerate(channels):
            result[:, :, target] = pixels[:, :, source]
        return result

    def _error(self, cause: str, fix: str) -> ContractError:
        return ContractError(f"Camera '{self._image.name}' on {self._image.topic}: {cause}.", fix)
