"""Geometry of the planar suites, against independent computations."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.suites.pusht.planner import CORNERS, contact_points, gap, pose_cost, to_table
from training.suites.toys.layouts import LAYOUTS, OBSTACLE, RADIUS
from training.suites.toys.world import SIZE, limited

ANGLE = st.floats(-math.pi, math.pi)
PLACE = st.floats(-300.0, 300.0)


@settings(max_examples=25, deadline=None)
@given(x=PLACE, y=PLACE, angle=ANGLE)
def test_to_table_is_a_rigid_motion_that_turns_counter_clockwise(x, y, angle):
    moved = to_table(CORNERS, np.array([x, y]), angle)
    complex_moved = (CORNERS[:, 0] + 1j * CORNERS[:, 1]) * np.exp(1j * angle) + x + 1j * y
    np.testing.assert_allclose(moved[:, 0] + 1j * moved[:, 1], complex_moved, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(x=PLACE, y=PLACE, angle=ANGLE)
def test_a_gap_does_not_depend_on_where_block_and_point_are_together(x, y, angle):
    point = np.array([[100.0, 55.0]])
    place = np.array([x, y])
    moved = gap(to_table(point, place, angle)[0], to_table(CORNERS, place, angle))
    assert moved == pytest.approx(gap(point[0], CORNERS), abs=1e-9)


@pytest.mark.parametrize(
    ("point", "distance"),
    [((0.0, -20.0), 20.0), ((80.0, 15.0), 20.0), ((-63.0, -4.0), 5.0), ((0.0, 130.0), 10.0), ((20.0, 80.0), 5.0)],
)
def test_gaps_to_the_t_by_hand(point, distance):
    assert gap(np.array(point), CORNERS) == pytest.approx(distance)


def test_contact_points_lie_on_the_outline_and_their_normals_point_out_of_the_t():
    points, normals = contact_points()
    lengths = np.linalg.norm(np.roll(CORNERS, -1, axis=0) - CORNERS, axis=1)
    assert len(points) == sum(max(1, round(length / 15.0)) for length in lengths)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)

    def inside(p):  # the T is a bar (-60..60, 0..30) and a stem (-15..15, 30..120)
        return (abs(p[0]) < 60 and 0 < p[1] < 30) or (abs(p[0]) < 15 and 0 < p[1] < 120)

    for point, normal in zip(points, normals, strict=True):
        assert gap(point, CORNERS) == pytest.approx(0.0, abs=1e-9)
        assert inside(point - 0.1 * normal) and not inside(point + 0.1 * normal)


@settings(max_examples=25, deadline=None)
@given(x=PLACE, y=PLACE, angle=ANGLE, dx=st.floats(-50, 50))
def test_the_cost_of_a_pure_shift_is_its_length_and_at_the_goal_zero(x, y, angle, dx):
    goal = np.array([x, y, angle])
    assert pose_cost(goal[:2], angle + 2 * math.pi, goal) == pytest.approx(0.0, abs=1e-6)
    assert pose_cost(goal[:2] + np.array([dx, 0.0]), angle, goal) == pytest.approx(abs(dx), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(x=PLACE, y=PLACE, length=st.floats(0.01, 10.0))
def test_a_limited_vector_keeps_its_direction(x, y, length):
    vector = np.array([x, y])
    short, size = limited(vector, length), np.linalg.norm(vector)
    assert np.linalg.norm(short) <= length * (1 + 1e-9)
    np.testing.assert_allclose(short * size, vector * np.linalg.norm(short), atol=1e-6)
    if size <= length:
        np.testing.assert_array_equal(short, vector)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_start_leaves_something_to_do_and_every_target_can_be_reached(name):
    layout, rng = LAYOUTS[name], np.random.default_rng(0)
    for _ in range(200):
        start = layout.place(rng)
        places = [start.position, start.goal, *start.targets.values()]
        assert all(np.abs(place).max() <= SIZE - RADIUS for place in places)
        for target in start.targets.values():
            assert np.linalg.norm(start.position - target) > 2 * RADIUS
            assert not layout.obstacle or np.linalg.norm(target) > OBSTACLE + RADIUS
        if layout.obstacle:  # the straight way runs into the disc: that is what makes two ways of it
            way = np.linspace(start.position, start.goal, 50)
            assert np.linalg.norm(way, axis=1).min() < OBSTACLE
        assert np.linalg.norm(start.position) > layout.obstacle
