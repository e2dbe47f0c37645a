"""Records the simulated robot as an animated WebP: small enough for a report, shown by every browser."""

from __future__ import annotations

import atexit
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from sim.rendering import Renderer
from training.atomic import replacing_file, write_file

FRAME_PERIOD_S = 0.1


class VideoRecorder:
    """Callable for :class:`ClosedLoop`: keeps one frame every :data:`FRAME_PERIOD_S` of simulated time.

    Args:
        world: what is filmed: ``model`` and ``data`` of MuJoCo, and ``camera`` unless that is "overview".
        width: pixels.
        height: pixels.
    """

    def __init__(self, world: Any, width: int = 480, height: int = 320) -> None:
        self._renderer = shared_renderer(world, width, height)
        self._frames: list[NDArray[np.uint8]] = []
        self._times: list[float] = []

    def __call__(self, world: Any, time_s: float) -> None:
        """Take a frame if one is due at ``time_s``."""
        if not self._times or time_s - self._times[-1] >= FRAME_PERIOD_S - 1e-9:
            self._frames.append(self._renderer.frame(world.data))
            self._times.append(time_s)

    def save(self, path: Path, **facts: object) -> None:
        """Write the film and, beside it, a JSON file with the times of the frames in it and ``facts``.

        Nothing is written where nothing was seen: an episode that was never enabled has no frame.
        """
        if not self._frames:
            return
        save_webp(path, self._frames)
        times = [self._times[round(start / FRAME_PERIOD_S)] for start in frame_starts(path)]
        write_file(path.with_suffix(".json"), json.dumps({**facts, "frames": times}))


_RENDERERS: dict[tuple[int, int, int], Renderer] = {}


def shared_renderer(world: Any, width: int, height: int) -> Renderer:
    """One renderer per model and size: a graphics context costs more than a film."""
    key = (id(world.model), width, height)
    if key not in _RENDERERS:
        _RENDERERS[key] = Renderer(world.model, width, height, getattr(world, "camera", "overview"))
        atexit.register(_RENDERERS[key].close)  # a context freed after MuJoCo's own exit handler complains
    return _RENDERERS[key]


def save_webp(path: Path, frames: list[NDArray[np.uint8]], period_s: float = FRAME_PERIOD_S) -> None:
    """Write frames, at least one (H, W, 3) uint8, as an endless animated WebP, atomically."""
    images = [Image.fromarray(frame) for frame in frames]
    with replacing_file(path) as temporary:
        images[0].save(
            temporary,
            format="WEBP",
            save_all=True,
            append_images=images[1:],
            duration=round(period_s * 1e3),
            loop=0,
            quality=60,
        )


def frame_starts(path: Path) -> list[float]:
    """Start of every frame of an animation (s since its beginning).

    Fewer than were written when the robot stood still: the encoder merges equal frames into one that lasts longer.
    """
    durations: list[float] = []
    with Image.open(path) as film:
        for frame in ImageSequence.Iterator(film):
            frame.load()  # the duration is known only then
            durations.append(frame.info["duration"] / 1e3)
    return [0.0, *np.cumsum(durations)[:-1].tolist()]
