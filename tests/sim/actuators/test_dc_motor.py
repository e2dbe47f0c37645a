"""The torque-speed curve at its corners."""

from __future__ import annotations

import numpy as np
import pytest

from sim.actuators.dc_motor import DcMotor, saturate, torque_bounds
from sim.errors import RobotModelError

MOTOR = DcMotor(np.array([40.0]), np.array([24.0]), np.array([30.0]))


@pytest.mark.parametrize(
    ("speed", "lower", "upper"),
    [
        (0.0, -24.0, 24.0),
        (12.0, -24.0, 24.0),  # corner: 40 (1 - 12/30) = 24
        (21.0, -24.0, 12.0),
        (30.0, -24.0, 0.0),
        (45.0, -24.0, 0.0),
        (-21.0, -12.0, 24.0),
        (-30.0, 0.0, 24.0),
    ],
)
def test_corners(speed: float, lower: float, upper: float) -> None:
    low, high = torque_bounds(np.array([[speed]]), MOTOR)
    np.testing.assert_allclose((low.item(), high.item()), (lower, upper), atol=1e-12)


def test_saturation_cuts_only_what_is_beyond() -> None:
    asked = np.array([[10.0], [20.0], [-20.0]])
    np.testing.assert_allclose(saturate(asked, np.full((3, 1), 21.0), MOTOR), [[10.0], [12.0], [-20.0]])


@pytest.mark.parametrize("values", [(0.0, 1.0, 1.0), (10.0, 20.0, 30.0), (10.0, 5.0, -1.0)])
def test_impossible_motors_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(RobotModelError, match="DcMotor"):
        DcMotor(*(np.array([value]) for value in values))
