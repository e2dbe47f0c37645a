"""The learned actuator by hand: a network whose weights make it a PD law, and one with a softsign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.actuators.network import ActuatorNet, network_torque
from sim.errors import RobotModelError


def test_a_linear_network_is_a_pd_law_on_the_newest_moment() -> None:
    weight = np.array([[20.0], [0.0], [0.0], [-0.5], [0.0], [0.0]])
    net = ActuatorNet((weight,), (np.zeros(1),))
    rng = np.random.default_rng(0)
    errors, velocities = rng.normal(size=(3, 4, 12)), rng.normal(size=(3, 4, 12))
    torque = network_torque(list(errors), list(velocities), net)
    assert torque.shape == (4, 12)
    np.testing.assert_allclose(torque, 20.0 * errors[0] - 0.5 * velocities[0])


def test_softsign_and_scales_by_hand() -> None:
    net = ActuatorNet(
        (np.array([[1.0], [0.0]]), np.array([[2.0]])), (np.array([1.0]), np.array([0.5])), history=1,
        error_scale=10.0, torque_scale=3.0,
    )  # fmt: skip
    # hidden = 10 * 0.2 + 1 = 3, softsign 3/4; out = 2 * 0.75 + 0.5 = 2, times 3.
    np.testing.assert_allclose(network_torque([np.array([[0.2]])], [np.array([[9.0]])], net), [[6.0]])


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(RobotModelError, match="layer 0"):
        ActuatorNet((np.zeros((5, 1)),), (np.zeros(1),))
    with pytest.raises(RobotModelError, match="2 outputs"):
        ActuatorNet((np.zeros((6, 2)),), (np.zeros(2),))


def test_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    np.savez(path, weight_0=np.ones((6, 1)), bias_0=np.array([0.25]), history=3, torque_scale=2.0)
    net = ActuatorNet.load(path)
    ones = [np.ones((1, 1))] * 3
    np.testing.assert_allclose(network_torque(ones, ones, net), [[12.5]])
    with pytest.raises(RobotModelError, match=r"missing\.npz"):
        ActuatorNet.load(tmp_path / "missing.npz")
    np.savez(tmp_path / "half.npz", weight_0=np.ones((6, 1)))
    with pytest.raises(RobotModelError, match="not an actuator network"):
        ActuatorNet.load(tmp_path / "half.npz")
