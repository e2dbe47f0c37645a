"""The measurements measure: a robot that stands has the error of its command and no steps; a kick can fell it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.tasks.velocity.config import ResetConfig, VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from training.rl.evaluation import fixed_command, pushes, shoves, tracking
from training.rl.gait_report import table

CONFIG = VelocityConfig(reset=ResetConfig(velocity=0.0, tilt=0.0, joint_offset=0.0), noise=None)


def stand(obs: np.ndarray) -> np.ndarray:
    """Do nothing."""
    return np.zeros((len(obs), 12), dtype=np.float32)


def collapse(obs: np.ndarray) -> np.ndarray:
    """Fold the legs."""
    return np.tile(np.array([0.0, 8.0, -6.0] * 4, dtype=np.float32), (len(obs), 1))


def test_standing_misses_the_command_by_the_command() -> None:
    result = tracking(stand, go1_robot(), CONFIG, (0.8, 0.0, 0.5), trials=2, seconds=1.5, settle_s=1.0)
    assert result.linear_rms == pytest.approx(0.8, abs=0.01)
    assert result.mean_error == pytest.approx(0.8, abs=0.01)
    assert result.yaw_rms == pytest.approx(0.5, abs=0.01)
    assert (result.falls, result.step_rate, result.swing_share) == (0, 0.0, 0.0)
    assert 0.05 < result.torque < 0.5
    assert result.beyond_range == 0.0


def test_falls_are_counted() -> None:
    result = tracking(collapse, go1_robot(), CONFIG, (0.8, 0.0, 0.0), trials=2, seconds=2.0)
    assert result.falls == 2
    assert np.isnan(result.linear_rms)


def test_pushes_fell_only_when_they_are_hard() -> None:
    def survive(speed: float) -> int:
        result = pushes(stand, go1_robot(), CONFIG, (0.0, 0.0, 0.0), speed, trials=8, settle_s=0.4, after_s=1.5, seed=0)
        assert result.interval[0] <= result.survived / 8 <= result.interval[1]
        return result.survived

    assert survive(0.0) == 8
    assert survive(6.0) < 8


def test_a_shove_fells_by_its_force_and_by_how_long_it_lasts() -> None:
    def survive(force: float, duration_s: float) -> int:
        still = (0.0, 0.0, 0.0)
        result = shoves(stand, go1_robot(), CONFIG, still, force, duration_s, trials=8, settle_s=0.4, after_s=1.0)
        assert result.interval[0] <= result.survived / 8 <= result.interval[1]
        return result.survived

    assert survive(0.0, 1.0) == 8
    assert survive(150.0, 0.02) == 8
    assert survive(150.0, 1.0) < 8


def test_a_fixed_command_is_fixed() -> None:
    config = fixed_command(replace(CONFIG), (0.3, -0.1, 0.2))
    assert (config.commands.linear_x, config.commands.yaw_rate) == ((0.3, 0.3), (0.2, 0.2))
    assert config.commands.standing_share == config.commands.straight_share == 0.0
    assert config.pushes is None


def test_table_has_a_row_per_measurement() -> None:
    row = {
        "command": (0.8, 0.0, 0.0), "linear_rms": 0.1234, "mean_error": 0.1, "yaw_rms": 0.1, "falls": 1, "trials": 10,
        "torque": 0.5, "swing_share": 0.4, "step_rate": 3.0,
    }  # fmt: skip
    push = {"speed": 0.5, "command": (0.8, 0.0, 0.0), "survived": 9, "trials": 10, "interval": (0.6, 0.98)}
    text = table({"tracking_nominal": [row], "tracking_randomized": [row], "pushes": [push]})
    assert text.count("0.123") == 2
    assert "| 0.5 | 0.8, 0, 0 | 9/10 | 60.0% to 98.0% |" in text


class TwoRobots:
    """Both put all feet down at every step and move at 1 m/s; the second falls after half of ten steps of 0.1 s."""

    step_dt = 0.1

    def __init__(self) -> None:
        self.steps, self.context = 0, SimpleNamespace(memory={"landed": np.ones((2, 4), dtype=bool)})
        self.task = SimpleNamespace(
            model=SimpleNamespace(actuator_forcerange=np.array([[-2.0, 2.0]])),
            read=lambda context: SimpleNamespace(
                linear_velocity=np.tile([1.0, 0.0, 0.0], (2, 1)), angular_velocity=np.zeros((2, 3)),
                foot_force=np.zeros((2, 4)), joint_position=np.zeros((2, 1)), torque=np.ones((2, 1)),
                joint_velocity=np.ones((2, 1)),
            ),
        )  # fmt: skip

    def reset(self, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"policy": np.zeros((2, 3))}, {}

    def step(self, actions: np.ndarray) -> tuple[Any, ...]:
        self.steps += 1
        return {"policy": np.zeros((2, 3))}, None, np.array([False, self.steps == 6]), None, None

    def close(self) -> None:
        """Nothing is open."""


def test_steps_are_counted_per_second_that_a_robot_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten touch-downs per foot and second, whoever falls; divided by the robots left at the end it was fifteen."""
    monkeypatch.setattr("training.rl.evaluation.make_env", lambda *_: TwoRobots())
    robot = SimpleNamespace(
        feet=("a", "b", "c", "d"), velocity_limits=np.array([4.0]), position_limits=np.array([[-1.0, 1.0]])
    )
    result = tracking(lambda obs: obs, robot, CONFIG, (1.0, 0.5, 0.0), trials=2, seconds=1.0, settle_s=0.0)
    assert (result.falls, result.trials) == (1, 2)
    assert result.step_rate == pytest.approx(10.0) and result.swing_share == 1.0
    assert (result.linear_rms, result.mean_error) == (pytest.approx(0.5), pytest.approx(0.5))
    assert (result.torque, result.velocity) == (pytest.approx(0.5), pytest.approx(0.25))
