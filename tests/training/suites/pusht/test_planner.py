import numpy as np
import pytest

from training.suites.pusht.planner import (
    CORNERS,
    PushPlanner,
    advance,
    contact_points,
    gap,
    place,
    pose_cost,
    to_table,
)

pusht = pytest.importorskip("gym_pusht.envs.pusht")


@pytest.fixture(scope="module")
def environment():
    made = pusht.PushTEnv(obs_type="state")
    made.reset(seed=0)
    return made


def test_the_corners_are_those_of_gym_pushts_shapes(environment):
    theirs = {tuple(np.round(v, 6)) for shape in environment.block.shapes for v in shape.get_vertices()}
    assert {tuple(corner) for corner in CORNERS} == theirs


def test_to_table_is_pymunks_own_transform(environment):
    place(environment, np.array([20.0, 20.0]), np.array([200.0, 300.0]), 0.7)
    wanted = [tuple(environment.block.local_to_world(tuple(c))) for c in CORNERS]
    np.testing.assert_allclose(to_table(CORNERS, np.array([200.0, 300.0]), 0.7), wanted)


def test_cost_is_zero_at_the_goal_and_the_distance_beside_it():
    goal = np.array([256.0, 256.0, 0.8])
    assert pose_cost(goal[:2], 0.8, goal) == pytest.approx(0.0)
    assert pose_cost(goal[:2] + np.array([3.0, 4.0]), 0.8, goal) == pytest.approx(5.0)
    assert pose_cost(goal[:2], 0.8 + np.pi, goal) > 50.0


def test_contact_points_lie_on_the_outline_and_look_outwards():
    points, normals = contact_points()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)
    for point, normal in zip(points, normals, strict=True):
        assert gap(point, CORNERS) < 1e-9
        assert not inside(point + 2.0 * normal) and inside(point - 2.0 * normal)


def inside(point):
    x, y = point
    return (-60 < x < 60 and 0 < y < 30) or (-15 < x < 15 and 30 <= y < 120)


def test_gap_to_a_square():
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    assert gap(np.array([3.0, 0.5]), square) == pytest.approx(2.0)
    assert gap(np.array([2.0, 2.0]), square) == pytest.approx(np.sqrt(2.0))
    assert gap(np.array([0.5, 0.4]), square) == pytest.approx(0.4)


def test_a_period_of_the_copy_is_gym_pushts_own(environment):
    other = PushPlanner(pusht.PushTEnv(obs_type="state"), candidates=1).environment
    for world in (environment, other):
        place(world, np.array([200.0, 180.0]), np.array([200.0, 220.0]), 0.4)
    for step in range(1, 10):
        target = np.array([200.0 + 3.0 * step, 180.0 + 12.0 * step])
        environment.step(target)
        advance(other, tuple(target))
        for mine, theirs in ((other.block, environment.block), (other.agent, environment.agent)):
            np.testing.assert_allclose([*mine.position, mine.angle], [*theirs.position, theirs.angle], atol=1e-9)
    assert np.linalg.norm(np.array(other.block.position) - [200.0, 220.0]) > 20.0  # it was pushed


def test_a_planned_push_does_what_the_plan_says(environment):
    planner = PushPlanner(pusht.PushTEnv(obs_type="state"), candidates=60)
    goal = np.array(environment.goal_pose, float)
    position, angle = np.array([180.0, 220.0]), 0.3
    push = planner.plan(position, angle, goal, np.random.default_rng(0))
    assert push is not None and push.cost < pose_cost(position, angle, goal)
    place(environment, push.start, position, angle)
    for step in range(1, push.steps + 1):
        environment.step(push.start + push.stride * push.direction * step)
    reached = pose_cost(np.array(environment.block.position), float(environment.block.angle), goal)
    assert reached == pytest.approx(push.cost, abs=1e-6)


def test_at_the_goal_no_push_helps():
    planner = PushPlanner(pusht.PushTEnv(obs_type="state"), candidates=5)
    goal = np.array([256.0, 256.0, np.pi / 4])
    assert planner.plan(goal[:2], float(goal[2]), goal, np.random.default_rng(0)) is None
