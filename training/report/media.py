"""Animated WebP clips: film strips cut from them, and the clips themselves inlined within a byte budget."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from training.report.files import ReportError

STRIP_FRAMES = 7
STRIP_WIDTH_PX = 240
SHRUNK_WIDTH_PX = 320


@dataclass(frozen=True)
class StripFrame:
    """One still of a film strip."""

    image: str
    """``data:`` address."""
    t: float
    """Seconds since the start of the clip."""


@dataclass(frozen=True)
class Clip:
    """A clip ready to be put on the page.

    Attributes:
        strip: evenly spaced stills.
        animation: ``data:`` address of the animation; None when it did not fit the budget.
        width: pixels of the animation.
        height: pixels of the animation.
        duration_s: length at normal speed.
        note: said under the clip when it was made smaller or left out.
    """

    strip: list[StripFrame]
    animation: str | None
    width: int
    height: int
    duration_s: float
    note: str = ""


def data_uri(data: bytes, kind: str = "image/webp") -> str:
    """Inline bytes as a ``data:`` address (RFC 2397)."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _webp(image: Image.Image, width: int, quality: int) -> bytes:
    scale = min(1.0, width / image.width)
    small = image.convert("RGB").resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def _shrink(frames: Sequence[Image.Image], times: Sequence[float], duration_s: float) -> bytes:
    """Encode every other frame at :data:`SHRUNK_WIDTH_PX`, keeping the speed."""
    kept = range(0, len(frames), 2)
    ends = [*(times[index] for index in kept[1:]), duration_s]
    durations = [max(1, round(1000 * (end - times[index]))) for index, end in zip(kept, ends, strict=True)]
    scale = min(1.0, SHRUNK_WIDTH_PX / frames[0].width)
    size = (max(1, round(frames[0].width * scale)), max(1, round(frames[0].height * scale)))
    small = [frames[index].resize(size) for index in kept]
    buffer = io.BytesIO()
    small[0].save(
        buffer, "WEBP", save_all=True, append_images=small[1:], duration=durations, loop=0, quality=55, method=2
    )
    return buffer.getvalue()


def read_clip(path: Path, budget_bytes: int, times: Sequence[float] = ()) -> Clip:
    """Cut a film strip and inline the animation if it fits, re-encoded smaller if that makes it fit.

    Args:
        path: animated WebP.
        budget_bytes: largest animation to inline, before base64.
        times: time of each frame, s; the frame durations of the file are used when the count differs.

    Raises:
        ReportError: the file is not a readable image.
    """
    try:
        data = path.read_bytes()
        frames, durations = [], []
        with Image.open(io.BytesIO(data)) as image:
            for frame in ImageSequence.Iterator(image):
                frames.append(frame.convert("RGB"))
                durations.append(float(frame.info.get("duration", 0)) / 1000)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ReportError(f"{path}: not a readable WebP ({error}).", "record it again, or delete it.") from None
    starts = [0.0, *np.cumsum(durations)[:-1].tolist()]
    length = float(sum(durations))
    labels = list(times) if len(times) == len(frames) else starts
    picked = sorted({round(index) for index in np.linspace(0, len(frames) - 1, min(STRIP_FRAMES, len(frames)))})
    strip = [StripFrame(data_uri(_webp(frames[index], STRIP_WIDTH_PX, 70)), labels[index]) for index in picked]
    note = ""
    if len(data) > budget_bytes:
        original, data = len(data), _shrink(frames, starts, length)
        note = f"Shown smaller and at half the frame rate; the original is {path.name} ({original / 1e6:.1f} MB)."
    if len(data) > budget_bytes:
        return Clip(strip, None, *frames[0].size, length, f"Animation left out for size; see {path.name}.")
    return Clip(strip, data_uri(data), *frames[0].size, length, note)


def share_budget(sizes: Sequence[int], total: int) -> list[int]:
    """Split a byte budget fairly: small clips keep their size, the rest is shared equally by the larger ones.

    Args:
        sizes: bytes of each clip.
        total: bytes for all.

    Returns:
        The largest size allowed for each clip, in order.
    """
    allowed = [0] * len(sizes)
    remaining = total
    order = sorted(range(len(sizes)), key=lambda index: sizes[index])
    for position, index in enumerate(order):
        fair = remaining // (len(order) - position)
        allowed[index] = fair
        remaining -= min(fair, sizes[index])
    return allowed
