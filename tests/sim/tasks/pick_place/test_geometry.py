import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.tasks.pick_place import geometry as g

ANGLE = st.floats(-10.0, 10.0)


def quat_of(axis, angle):
    return np.array([*(np.sin(angle / 2) * np.asarray(axis, dtype=float)), np.cos(angle / 2)])


def multiply(a, b):
    x1, y1, z1, w1 = a
    x2, y2, z2, w2 = b
    return np.array(
        [
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
        ]
    )


def test_rotation_matrix_of_a_quarter_turn_about_z():
    expected = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    np.testing.assert_allclose(g.rotation_matrix(quat_of((0, 0, 1), np.pi / 2)), expected, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(ANGLE, st.sampled_from([2 * np.pi, np.pi / 2]))
def test_wrap_moves_by_whole_periods_into_the_base_interval(angle, period):
    wrapped = g.wrap(angle, period)
    assert -period / 2 <= wrapped < period / 2
    turns = (angle - wrapped) / period
    assert turns == pytest.approx(round(turns), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.floats(-0.78, 0.78), st.integers(0, 3), st.sampled_from(["x", "y", "none"]), st.integers(0, 3))
def test_the_yaw_of_a_cube_does_not_depend_on_which_face_is_up(yaw, quarters, tip, times):
    axis = {"x": (1, 0, 0), "y": (0, 1, 0), "none": (0, 0, 1)}[tip]
    tipped = quat_of(axis, times * np.pi / 2)
    quat = multiply(quat_of((0, 0, 1), yaw + quarters * np.pi / 2), tipped)
    assert g.cube_yaw(quat) == pytest.approx(yaw, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.floats(-3.1, 3.1))
def test_a_downward_tool_has_the_yaw_it_was_given(yaw):
    rotation = g.downward(yaw)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    np.testing.assert_allclose(rotation[:, 2], [0, 0, -1])
    quat = multiply(quat_of((0, 0, 1), yaw), quat_of((1, 0, 0), np.pi))
    np.testing.assert_allclose(g.rotation_matrix(quat), rotation, atol=1e-12)
    assert g.tool_yaw(quat) == pytest.approx(yaw, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(-np.pi / 4, np.pi / 4), st.floats(-1.3, 1.3), st.floats(-1.0, 1.0))
def test_the_grasp_yaw_fits_the_sides_and_the_wrist(cube, tool, bearing):
    yaw = g.grasp_yaw(cube, tool, bearing)
    quarters = (yaw - cube) / g.QUARTER
    assert quarters == pytest.approx(round(quarters), abs=1e-9)
    assert abs(yaw - bearing) <= 1.4


def test_the_grasp_yaw_is_the_nearest_to_the_tool_and_turns_back_at_the_window():
    assert g.grasp_yaw(0.6, 0.0, 0.0) == pytest.approx(0.6)
    assert g.grasp_yaw(0.6, -0.5, 0.0) == pytest.approx(0.6 - np.pi / 2)
    # 1.5 rad would be nearest to the tool, and lies beyond the window of 1.4 around the bearing.
    assert g.grasp_yaw(1.5 - np.pi / 2, 1.5, 0.0) == pytest.approx(1.5 - np.pi / 2)


def test_ramp():
    assert [g.ramp(v, 1.0, 3.0) for v in (0.0, 1.0, 1.5, 3.0, 9.0)] == [0.0, 0.0, 0.25, 1.0, 1.0]


def test_braking_speed_ends_exponentially_and_starts_at_the_top_speed():
    assert g.braking_speed(0.0, 0.5, 0.8, 8.0) == 0.0
    assert g.braking_speed(1e-6, 0.5, 0.8, 8.0) == pytest.approx(8e-6, rel=1e-3)
    assert g.braking_speed(10.0, 0.5, 0.8, 8.0) == 0.5


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-4, 1.0), st.floats(0.2, 5.0), st.floats(2.0, 12.0))
def test_braking_never_exceeds_the_deceleration(distance, deceleration, rate):
    def speed(d):
        return g.braking_speed(d, 1e9, deceleration, rate)

    slope = (speed(distance * 1.0001) - speed(distance)) / (distance * 0.0001)
    assert speed(distance) * slope <= deceleration * 1.001
    assert speed(distance) <= min(rate * distance, np.sqrt(2 * deceleration * distance)) + 1e-12
