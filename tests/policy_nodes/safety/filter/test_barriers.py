"""Every constraint class against finite differences and by hand."""

import numpy as np
import pytest

from policy_nodes.safety.filter.barriers import Barrier, protective_distance
from policy_nodes.safety.filter.config import HumanConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.filter.reach import stop_bound
from policy_nodes.safety.limits import Limits
from tests.policy_nodes.safety import arms
from tests.policy_nodes.safety.arms import joints_of, model, panda, planar

HAND = {"name": "hand", "link": "tool", "start": [0.0, 0.0, -0.1], "end": [0.05, 0.0, 0.0], "radius": 0.05}
ELBOW = {"name": "elbow", "link": "p3", "start": [0.0, 0.0, 0.0], "radius": 0.08}
BASE = {"name": "base", "link": "p0", "start": [0.0, 0.0, -0.3], "end": [0.0, 0.0, 0.0], "radius": 0.1}
BODIES = [HAND, ELBOW, BASE]
BALL = {"name": "ball", "position": [0.6, 0.4, 0.5], "radius": 0.1}
POST = {"name": "post", "position": [0.5, -0.5, 0.0], "end": [0.0, 0.0, 0.9], "radius": 0.05}
TRACKED = {"name": "track", "term": "cube", "end": [0.1, 0.0, 0.3], "radius": 0.05, "bodies": ["hand"]}
PERSON = {"name": "person", "term": "cube", "end": [0.0, 0.0, 1.0], "radius": 0.2}
SECTIONS = {
    "joint range": {"joint_margin": 0.1},
    "tool box": {"workspace": {"link": "tool", "point": [0.0, 0.1, 0.0], "minimum": [-2] * 3, "maximum": [2] * 3}},
    "self, sphere": {"bodies": BODIES, "pairs": [{"first": "hand", "second": "elbow"}]},
    "self, capsules": {"bodies": BODIES, "pairs": [{"first": "hand", "second": "base"}]},
    "ball": {"bodies": BODIES, "obstacles": [BALL]},
    "post": {"bodies": BODIES, "obstacles": [POST]},
    "moving": {"bodies": BODIES, "obstacles": [TRACKED]},
    "person": {"bodies": BODIES, "humans": [PERSON]},
}
PLACES = {"track": np.array([0.4, 0.3, 0.2]), "person": np.array([2.5, 1.0, 0.0])}


@pytest.fixture(scope="module", params=SECTIONS)
def arm(request: pytest.FixtureRequest) -> FilterModel:
    return model(panda(), **SECTIONS[request.param])


def distances(arm: FilterModel, q: np.ndarray) -> np.ndarray:
    """Smallest row of every pair: the distance itself."""
    value = arm.rows(q, PLACES).value
    return np.array([value[[k for k, other in enumerate(arm.labels) if other == label]].min() for label in arm.labels])


def test_gradients_of_all_rows_equal_finite_differences(arm: FilterModel) -> None:
    """Rows are linear in the points along a frozen direction, so they are differentiated with that direction frozen."""
    rng = np.random.default_rng(4)
    n, step = len(joints_of(panda())), 1e-6
    for _ in range(5):
        q = rng.uniform(-1.2, 1.2, n)
        found = arm.rows(q, PLACES).gradient
        directions = [part[2] for part in _frozen(arm, q)]

        def rows(q: np.ndarray, directions: list[np.ndarray] = directions) -> np.ndarray:
            position = _points(arm, q)
            parts = []
            for barrier, direction in zip(arm.barriers, directions, strict=True):
                between = position[barrier.first] - position[barrier.second]
                parts.append(np.einsum("ij,ij->i", between, direction))
            if arm._range is not None:
                parts.append(arm._range.value(q))
            return np.concatenate(parts)

        numeric = [(rows(q + step * e) - rows(q - step * e)) / (2 * step) for e in np.eye(n)]
        np.testing.assert_allclose(found, np.array(numeric).T, atol=1e-8)


def test_the_smallest_row_is_the_distance_and_has_its_derivative(arm: FilterModel) -> None:
    rng = np.random.default_rng(5)
    n, step = len(joints_of(panda())), 1e-5
    for _ in range(5):
        q = rng.uniform(-1.2, 1.2, n)
        if arm.rows(q, PLACES).value.min() < 0.02:
            continue
        direction = rng.normal(size=n)
        slope = (distances(arm, q + step * direction) - distances(arm, q - step * direction)) / (2 * step)
        rows = arm.rows(q, PLACES)
        along = rows.gradient @ direction
        for k, label in enumerate(arm.labels):
            same = [j for j, other in enumerate(arm.labels) if other == label]
            near = [j for j in same if rows.value[j] < rows.value[same].min() + 1e-3]
            if len(near) == 1 and near[0] == k:
                np.testing.assert_allclose(along[k], slope[k], atol=2e-2)


def test_second_order_bound_holds_for_large_motions(arm: FilterModel) -> None:
    rng = np.random.default_rng(6)
    n = len(joints_of(panda()))
    for _ in range(60):
        q = rng.uniform(-1.2, 1.2, n)
        rows = arm.rows(q, PLACES)
        if rows.value.min() < 0.02:
            continue
        move = rng.uniform(-1, 1, n) * rng.choice([0.02, 0.1, 0.3])
        links = arm.kinematics.of_links(np.abs(move))
        behind = links.sum() - links.cumsum()
        bound = rows.value + rows.gradient @ move - arm.curvature @ (links * (0.5 * links + behind))
        for label, low in zip(arm.labels, bound, strict=True):
            smallest = min(b for other, b in zip(arm.labels, bound, strict=True) if other == label)
            true = distances(arm, q + move)[arm.labels.index(label)]
            assert true >= min(smallest, low) - 1e-9, label


def _points(arm: FilterModel, q: np.ndarray) -> np.ndarray:
    return arm.points.paths(q[None], PLACES)[0]


def _frozen(arm: FilterModel, q: np.ndarray) -> list[tuple[Barrier, np.ndarray, np.ndarray]]:
    """Values and directions of every barrier at ``q``, asked one by one."""
    position = np.concatenate([_points(arm, q), np.ones((len(arm.points.position), 1))], axis=1)
    found = []
    for barrier in arm.barriers:
        value, directions = np.empty(len(barrier.labels)), barrier.directions.copy()
        barrier.normals(position, value, directions)
        np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0)
        found.append((barrier, value, directions))
    return found


def test_digest_vector_of_the_protective_distance() -> None:
    human = HumanConfig(name="h", position=[0.0, 0.0, 0.0], radius=0.1, speed=1.6, reaction_s=0.1, stopping_s=0.3)
    np.testing.assert_allclose(protective_distance(human, 0.5, 0.075), 0.765)


def test_digest_vector_of_the_shielded_stop() -> None:
    """``v t + v^2 / 2 a`` at 0.5 m/s, 0.1 s and 2 m/s^2 before something that stands still."""
    thing = HumanConfig(name="h", position=[0.0, 0.0, 0.0], radius=0.1, speed=0.0, reaction_s=0.1)
    joints = arms.joint_limits(["slide"])[0].model_copy(update={"acceleration": 2.0, "jerk": 1e9})
    stop = stop_bound(np.array([0.5]), np.zeros(1), Limits.of([joints], 1e-4))
    np.testing.assert_allclose(stop.ravel(), [0.0625, 0.0], atol=1e-8)
    np.testing.assert_allclose(protective_distance(thing, 0.5, stop[0, 0]), 0.1125, atol=1e-8)


def test_by_hand_on_a_planar_arm() -> None:
    tip = {"name": "tip", "link": "tip", "start": [0.0, 0.0, 0.0], "radius": 0.1}
    ball = {"name": "ball", "position": [1.0, 0.7, 0.0], "radius": 0.2, "margin": 0.05}
    box = {"link": "tip", "minimum": [-2.0, -0.4, -1.0], "maximum": [2.0, 2.0, 1.0]}
    arm = model(planar(2), bodies=[tip], obstacles=[ball], workspace=box, joint_margin=0.3)
    rows = arm.rows(np.zeros(2), {})
    found = {label: (v, g.tolist()) for label, v, g in zip(arm.labels, rows.value, rows.gradient, strict=True)}
    # The stretched arm's tip is at (1, 0): turning joint 0 moves it by 1 m/rad along y, joint 1 by 0.5.
    for label, value, gradient in [
        ("tip clear of ball", 0.7 - 0.35, [-1.0, -0.5]),
        ("tool above min of the workspace in y", 0.4, [1.0, 0.5]),
        ("tool below max of the workspace in y", 2.0, [-1.0, -0.5]),
        ("tool below max of the workspace in x", 1.0, [0.0, 0.0]),
        ("j1 below its maximum", 2.5, [0.0, -1.0]),
        ("j0 above its minimum", 2.5, [1.0, 0.0]),
    ]:
        np.testing.assert_allclose(found[label][0], value)
        np.testing.assert_allclose(found[label][1], gradient, atol=1e-12)


def test_a_person_is_wider_by_what_does_not_depend_on_the_arm() -> None:
    person = {
        **BALL,
        "name": "person",
        "position": [3.0, 0.0, 0.0],
        "margin": 0.0,
        "intrusion": 0.1,
        "uncertainty": 0.05,
    }
    thing = {**BALL, "name": "thing", "position": [3.0, 0.0, 0.0], "margin": 0.0}
    arm = model(panda(), bodies=[ELBOW], obstacles=[thing], humans=[person])
    value = arm.rows(np.zeros(7), {}).value
    np.testing.assert_allclose(value[0] - value[1], 1.6 * 0.4 + 0.15)
    assert arm.reaction_s.tolist() == [0.0, 0.1]
