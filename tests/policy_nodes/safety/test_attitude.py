"""Falls are seen in the direction of gravity, stop the robot, and take a running stop over."""

from __future__ import annotations

import numpy as np
import pytest

from policy_nodes.safety.attitude import AttitudeConfig, AttitudeWatch, tilt
from policy_nodes.safety.reasons import Reason


def gravity(roll=0.0, pitch=0.0):
    return np.array([np.sin(pitch), -np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch)])


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.9, 1.5, 3.0])
def test_tilt_is_the_angle_of_a_roll_or_a_pitch(angle):
    assert tilt(gravity(roll=angle)) == pytest.approx(angle, abs=1e-6)
    assert tilt(gravity(roll=-angle)) == pytest.approx(angle, abs=1e-6)
    if angle < np.pi / 2:
        assert tilt(gravity(pitch=angle)) == pytest.approx(angle, abs=1e-6)


def test_a_fall_is_a_fault_and_enabling_is_stricter():
    watch = AttitudeWatch(AttitudeConfig(max_tilt=1.0, enable_tilt=0.3))
    values = {"projected_gravity": gravity(roll=0.6)}
    assert watch.fault(values) is None
    refused = watch.fault(values, enabling=True)
    assert refused is not None and refused.reason is Reason.FALLEN and "0.60" in refused.detail
    assert watch.fault({"projected_gravity": gravity(pitch=1.1)}) is not None


def test_without_a_section_or_a_sample_nothing_is_judged():
    assert AttitudeWatch(None).fault({"projected_gravity": gravity(roll=2.0)}) is None
    assert AttitudeWatch(AttitudeConfig()).fault({}) is None
