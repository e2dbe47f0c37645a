import numpy as np
import pytest

from training.datasets import DatasetWriter, Feature

FEATURES = {
    "observation.state": Feature((3,), ("a", "b", "c")),
    "action": Feature((2,), ("a", "b")),
    "next.reward": Feature((1,)),
}
LENGTHS = (5, 3, 9)


def make_frames(episode: int, length: int) -> dict[str, np.ndarray]:
    """Values that say where they come from: 100 * episode + frame, plus 0.25 * element."""
    base = (100.0 * episode + np.arange(length))[:, None]
    return {
        "observation.state": base + 0.25 * np.arange(3),
        "action": -base + 0.25 * np.arange(2),
        "next.reward": np.arange(length) / 2,
    }


def write(root, lengths=LENGTHS, **options):
    with DatasetWriter(root, fps=10, features=FEATURES, robot_type="arm", **options) as writer:
        for episode, length in enumerate(lengths):
            writer.add_episode(make_frames(episode, length), "push" if episode == 1 else "pick")
    return root


@pytest.fixture
def root(tmp_path):
    return write(tmp_path / "demo", extra_files={"meta/keel.json": b"{}"})
