"""Scalars of a run that was resumed, the running mean, wall time, and the picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from policy_nodes.errors import ConfigError
from training.rl.learning_curve import FALLS, RETURN, plot, scalars, smooth, training_seconds


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Iterations 0 to 3, then resumed at 2 with other values, up to 5."""
    for start, stop, value, suffix in ((0, 4, 1.0, ".a"), (2, 6, 5.0, ".b")):
        writer = SummaryWriter(str(tmp_path), filename_suffix=suffix)
        for step in range(start, stop):
            for tag in (RETURN, FALLS):
                writer.add_scalar(tag, value, step)
            writer.add_scalar("Perf/collection_time", 0.5, step)
            writer.add_scalar("Perf/learning_time", 1.0, step)
        writer.close()
    config = {"arguments": {"ppo": {"steps": 4, "num_envs": 8}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "config.until_2.json").write_text(json.dumps(config))
    return tmp_path


def test_the_later_run_counts(run: Path) -> None:
    steps, values = scalars(run, RETURN)
    assert steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert values.tolist() == [1, 1, 5, 5, 5, 5]
    with pytest.raises(ConfigError, match="Nothing"):
        scalars(run, "Nothing")


def test_running_mean_is_shorter_at_the_ends() -> None:
    np.testing.assert_allclose(smooth(np.array([0.0, 3.0, 6.0, 0.0]), 3), [1.5, 3.0, 3.0, 3.0])
    np.testing.assert_allclose(smooth(np.full(30, 2.0)), 2.0)


def test_wall_time(run: Path, tmp_path: Path) -> None:
    assert training_seconds(run) == pytest.approx(6 * 1.5)
    assert training_seconds(run, 2) == pytest.approx(3 * 1.5)
    assert training_seconds(tmp_path / "empty") is None


def test_picture(run: Path) -> None:
    plot(run, run / "curve.png")
    assert (run / "curve.png").read_bytes()[:4] == b"\x89PNG"
