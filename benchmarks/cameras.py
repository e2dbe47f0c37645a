"""What two cameras cost policy_node beside the network: messages to graph inputs, in CPU time of one thread.

    python benchmarks/cameras.py
Per observation: decoding two sensor_msgs/Image from CDR bytes, reading the pixels, storing them, assembling the graph's
inputs. The peer is the obvious way, cv_bridge's arithmetic in numpy: reorder, to float32, divide by 255, to CHW. No
network runs. CPU time, best of the rounds, because a busy machine changes wall times.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np

from policy_nodes.bundle.manifest import ImageFeature
from policy_nodes.inference.images import ImageReader
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.rosless.activate import ensure_ros

SIZES = ((96, 96), (240, 320), (480, 640))


def best(work: Callable[[], object], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def row(size: tuple[int, int], encoding: str, rounds: int) -> str:
    from rclpy.serialization import deserialize_message, serialize_message
    from sensor_msgs.msg import Image

    height, width = size
    common = {"topic": "/t", "height": height, "width": width, "max_age_s": 1.0, "history": 2, "history_step_s": 0.1}
    images = [ImageFeature.model_validate({"name": name, **common}) for name in ("left", "right")]
    readers, buffer = [ImageReader(image) for image in images], ObservationBuffer([], images)
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    message = Image(encoding=encoding, height=height, width=width, step=3 * width, data=pixels.tobytes())
    wire = serialize_message(message)
    clock = iter(range(10**9))

    def decode() -> object:
        return [deserialize_message(wire, Image) for _ in images]

    def observe() -> object:
        stamp = next(clock) * 100_000_000
        for image, reader in zip(images, readers, strict=True):
            buffer.push_image(image.name, stamp, reader.read(message))
        return buffer.assemble(stamp)

    def usual() -> object:
        result = []
        for _ in images:
            picture = np.frombuffer(message.data, np.uint8).reshape(height, width, 3)
            picture = picture[:, :, ::-1] if encoding == "bgr8" else picture
            result.append(np.ascontiguousarray((picture.astype(np.float32) / 255.0).transpose(2, 0, 1)))
        return np.stack(result)

    observe()
    took = {name: best(work, rounds) * 1e3 for name, work in (("d", decode), ("o", observe), ("u", usual))}
    ratio = took["u"] / took["o"]
    return f"{width}x{height} {encoding}  {took['d']:10.3f} {took['o']:10.3f} {took['u']:12.3f} {ratio:8.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    args = parser.parse_args()
    ensure_ros()
    print(f"two cameras, two history rows, best of {args.rounds} rounds, load {os.getloadavg()[0]:.1f}, ms CPU")
    print("picture            decode CDR    observe   to float CHW    ratio")
    for size in SIZES:
        for encoding in ("rgb8", "bgr8"):
            print(row(size, encoding, args.rounds), flush=True)


if __name__ == "__main__":
    main()
