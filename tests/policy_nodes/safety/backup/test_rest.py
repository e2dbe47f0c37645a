"""What braking backups share, by hand: dt 0.01, at most 2 rad/s, 10 rad/s^2, 2000 rad/s^3, within +-2.8 rad."""

import numpy as np
import pytest

from policy_nodes.safety.backup.rest import at_rest, copied, room, settled, stop_fits
from policy_nodes.safety.limits import Motion
from tests.policy_nodes.safety.arms import limits

LIMITS = limits(["a", "b"])


def test_a_stop_fits_as_long_as_there_is_room_to_brake() -> None:
    # From 1 rad/s at 10 rad/s^2: 0.9 + 0.8 + ... + 0.1 rad/s for a period each is 0.045 rad.
    fast, none = np.array([1.0, 0.0]), np.zeros(2)
    assert stop_fits(LIMITS, np.array([2.8 - 0.0451, 0.0]), fast, none)
    assert not stop_fits(LIMITS, np.array([2.8 - 0.0449, 0.0]), fast, none)
    assert not stop_fits(LIMITS, np.zeros(2), np.array([2.1, 0.0]), none)


def test_a_start_outside_the_limits_may_stay_but_go_no_further() -> None:
    low, high = room(LIMITS, np.array([3.0, -2.9]))
    assert (low.tolist(), high.tolist()) == ([-2.8, -2.9], [3.0, 2.8])


@pytest.mark.parametrize(("velocity", "rounding"), [(0.99e-10, True), (-0.99e-10, True), (1.01e-10, False)])
def test_rounding_is_no_motion(velocity: float, rounding: bool) -> None:
    found = settled(np.array([velocity, 1.0]), LIMITS)  # a billionth of 10 rad/s^2 in 0.01 s
    assert found.tolist() == [0.0 if rounding else velocity, 1.0]


@pytest.mark.parametrize(
    ("velocity", "acceleration", "still"), [(0.0, 0.0, True), (0.0, 1e-9, True), (1e-12, 0.0, False), (0.0, 1.0, False)]
)
def test_rest_needs_every_joint(velocity: float, acceleration: float, still: bool) -> None:
    motion = Motion(np.zeros(2), np.array([0.0, velocity]), np.array([0.0, acceleration]))
    assert at_rest(motion, LIMITS) is still


def test_a_motion_is_taken_over_as_a_copy() -> None:
    place = np.zeros(2)
    motion = copied(place, place, place)
    place[0] = 1.0
    assert motion.position[0] == motion.velocity[0] == motion.acceleration[0] == 0.0
