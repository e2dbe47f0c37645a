"""The shipped gait on film: it walks, turns, stays up when pushed; the measured promise, on fewer robots."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sim.randomization.model import ModelRandomization
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.tasks import go1_flat
from training.rl.evaluation import pushes, tracking
from training.rl.export import OnnxPolicy, ScaledPolicy, observation_scale
from training.rl.film import film

SHIPPED = Path(__file__).parents[3] / "examples" / "go1_velocity_flat"


@pytest.fixture(scope="module")
def policy() -> ScaledPolicy:
    content = (SHIPPED / "policy.onnx").read_bytes()
    return ScaledPolicy(OnnxPolicy(content), observation_scale(go1_flat(randomization=None)))


def test_shipped_file_is_the_one_that_was_measured() -> None:
    import hashlib

    provenance = json.loads((SHIPPED / "provenance.json").read_text())
    assert hashlib.sha256((SHIPPED / "policy.onnx").read_bytes()).hexdigest() == provenance["policy_sha256"]
    walk = provenance["measured"]["tracking_nominal"][0]
    assert walk["command"] == [0.8, 0.0, 0.0]
    assert walk["linear_rms"] < 0.15


def test_shipped_gait_walks_at_the_commanded_speed_within_its_limits(policy: ScaledPolicy) -> None:
    result = tracking(policy, go1_robot(), VelocityConfig(), (0.8, 0.0, 0.0), trials=8, seconds=4)
    assert result.falls == 0
    assert result.linear_rms < 0.15
    assert result.torque <= 1.0
    assert result.velocity <= 1.0
    assert result.beyond_range == 0.0
    assert 0.3 < result.swing_share < 0.6


def test_shipped_gait_survives_pushes(policy: ScaledPolicy) -> None:
    result = pushes(
        policy, go1_robot(), VelocityConfig(), (0.8, 0.0, 0.0), 0.5, randomization=ModelRandomization(), trials=24,
        after_s=2.0,
    )  # fmt: skip
    assert result.survived >= 23


@pytest.mark.slow
def test_film_shows_a_moving_robot() -> None:
    frames, distance = film(SHIPPED / "policy.onnx", seconds=2.0, width=64, height=48)
    assert distance > 1.0
    assert len(frames) == 25
    assert np.abs(frames[0].astype(int) - frames[-1].astype(int)).max() > 20
