import base64
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.training.report.synthetic import animation
from training.report.files import ReportError
from training.report.media import STRIP_FRAMES, read_clip, share_budget


def decode(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/webp;base64,"))))


def test_strip_spans_the_clip_from_first_to_last_frame(tmp_path):
    animation(tmp_path / "a.webp", frames=21)
    clip = read_clip(tmp_path / "a.webp", budget_bytes=10**7)
    assert len(clip.strip) == STRIP_FRAMES
    assert (clip.strip[0].t, clip.strip[-1].t) == pytest.approx((0.0, 2.0))
    assert clip.duration_s == pytest.approx(2.1)
    assert decode(clip.strip[3].image).size == (240, 180)
    assert clip.animation is not None and decode(clip.animation).n_frames == 21


def test_recorded_frame_times_win_when_their_count_fits(tmp_path):
    animation(tmp_path / "a.webp", frames=8)
    path = tmp_path / "a.webp"
    assert read_clip(path, 10**7, times=[-0.5 + 0.25 * index for index in range(8)]).strip[0].t == -0.5
    assert read_clip(path, 10**7, times=[5.0]).strip[0].t == 0.0


def test_a_clip_over_budget_is_made_smaller_at_the_same_speed(tmp_path):
    path = tmp_path / "noisy.webp"
    animation(path, frames=12, size=(480, 320), noise=120)
    size = path.stat().st_size
    clip = read_clip(path, budget_bytes=size - 1)
    assert clip.animation is not None
    small = decode(clip.animation)
    assert small.size == (320, 213)
    assert small.n_frames == 6
    durations = []
    for index in range(6):
        small.seek(index)
        small.load()
        durations.append(small.info["duration"])
    assert sum(durations) == pytest.approx(1200)
    assert "noisy.webp" in clip.note


def test_a_clip_that_cannot_fit_is_left_out_and_said_so(tmp_path):
    animation(tmp_path / "a.webp")
    clip = read_clip(tmp_path / "a.webp", budget_bytes=10)
    assert clip.animation is None
    assert "left out" in clip.note
    assert clip.strip


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not an image at all"])
def test_damaged_clip_is_named(tmp_path, data):
    (tmp_path / "bad.webp").write_bytes(data)
    with pytest.raises(ReportError, match=r"bad\.webp"):
        read_clip(tmp_path / "bad.webp", 10**6)


def test_a_still_is_a_strip_of_one(tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "still.webp")
    assert len(read_clip(tmp_path / "still.webp", 10**6).strip) == 1


def test_budget_by_hand():
    # 10 and 20 fit; the remaining 270 are shared by the two large ones.
    assert share_budget([500, 10, 400, 20], 300)[0::2] == [135, 135]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=12), st.integers(0, 10**6))
def test_budget_is_never_exceeded_and_small_clips_are_kept(sizes, total):
    allowed = share_budget(sizes, total)
    assert sum(min(size, limit) for size, limit in zip(sizes, allowed, strict=True)) <= total
    if sum(sizes) <= total:
        assert all(size <= limit for size, limit in zip(sizes, allowed, strict=True))
