from types import SimpleNamespace as Message

import numpy as np
import pytest

from policy_nodes.bundle.manifest import ImageFeature
from policy_nodes.errors import ContractError
from policy_nodes.inference.images import LAYOUTS, ImageReader

RGB = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
"""Two rows of three pixels, every value its own."""


def camera(**changes):
    fields = {
        "name": "top",
        "topic": "/top/image_raw",
        "height": 2,
        "width": 3,
        "max_age_s": 0.1,
        "history_step_s": 0.1,
    }
    return ImageFeature.model_validate(fields | changes)


def message(pixels=RGB, encoding="rgb8", padding=0, frame="top_optical", **changes):
    height, width, depth = pixels.shape
    rows = np.pad(pixels.reshape(height, -1), ((0, 0), (0, padding)), constant_values=99)
    fields = {"encoding": encoding, "height": height, "width": width, "step": width * depth + padding}
    header = Message(frame_id=frame, stamp=Message(sec=0, nanosec=0))
    return Message(**({"header": header, "is_bigendian": 0, "data": rows.tobytes()} | fields | changes))


def with_alpha(pixels):
    return np.concatenate([pixels, np.full((2, 3, 1), 7, np.uint8)], axis=2)


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", RGB),
        ("bgr8", RGB[:, :, ::-1]),
        ("rgba8", with_alpha(RGB)),
        ("bgra8", with_alpha(RGB[:, :, ::-1])),
    ],
)
@pytest.mark.parametrize("padding", [0, 5])
def test_the_same_colours_in_any_layout(encoding, pixels, padding):
    read = ImageReader(camera()).read(message(pixels, encoding, padding))
    assert read.dtype == np.uint8 and read.flags.c_contiguous
    np.testing.assert_array_equal(read, RGB)
    turned = ImageReader(camera(encoding="bgr8")).read(message(pixels, encoding, padding))
    np.testing.assert_array_equal(turned, RGB[:, :, ::-1])


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey(encoding):
    grey = RGB[:, :, :1]
    np.testing.assert_array_equal(ImageReader(camera(encoding="mono8")).read(message(grey, encoding, 1)), grey)


def test_every_layout_has_the_channels_of_its_contract():
    for wanted, layouts in LAYOUTS.items():
        for encoding, (depth, channels) in layouts.items():
            assert len(channels) == camera(encoding=wanted).channels, encoding
            assert max(channels) < depth


def test_pixels_that_fit_are_not_copied():
    data = bytearray(RGB.tobytes())
    read = ImageReader(camera()).read(message(data=data))
    data[0] = 200
    assert read[0, 0, 0] == 200


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (message(encoding="yuv422_yuy2"), "encoding is 'yuv422_yuy2', the contract says 'rgb8'"),
        (message(encoding="8UC3"), "encoding is '8UC3'"),  # does not say which colour comes first
        (message(RGB[:, :, :1], "mono8"), "encoding is 'mono8'"),
        (message(RGB[:, :2]), "the picture is 2x2, the contract says 3x2"),
        (message(RGB[:1]), "the picture is 3x1, the contract says 3x2"),
        (message(step=8), "step 8 and 18 bytes do not make 2 rows of 9 bytes"),
        (message(data=b"\0" * 17), "step 9 and 17 bytes"),
        (message(data=b""), "step 9 and 0 bytes"),
    ],
)
def test_refused_with_the_reason(given, said):
    with pytest.raises(ContractError) as caught:
        ImageReader(camera()).read(given)
    assert f"Camera 'top' on /top/image_raw: {said}" in caught.value.cause and caught.value.fix


def test_frames():
    assert ImageReader(camera(frame_id="top_optical")).read(message(frame="/top_optical")).shape == (2, 3, 3)
    with pytest.raises(ContractError, match="frame is 'wrist', the contract says 'top_optical'"):
        ImageReader(camera(frame_id="top_optical")).read(message(frame="wrist"))
