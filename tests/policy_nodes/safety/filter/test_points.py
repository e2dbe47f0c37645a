"""Points and their motion, against finite differences on arms with turning, sliding and fixed links."""

import numpy as np
import pytest

from policy_nodes.safety.filter.points import LEVI_CIVITA, SCENE, TrackedPoints
from policy_nodes.safety.kinematics import Kinematics
from tests.policy_nodes.safety.arms import chain_of, joints_of, panda, planar
from tests.policy_nodes.safety.test_kinematics import MIXED


def tracked(links: list[dict[str, object]], link: list[int], local: np.ndarray, first: list[int], second: list[int]):
    kinematics = Kinematics(chain_of(links), ["gripper", *joints_of(links)])
    return TrackedPoints(kinematics, link, list(local), {}, np.array(first), np.array(second))


@pytest.mark.parametrize("links", [planar(3), panda(), MIXED])
def test_gradients_equal_finite_differences(links: list[dict[str, object]]) -> None:
    rng, step = np.random.default_rng(1), 1e-6
    n = len(joints_of(links)) + 1
    for _ in range(10):
        link, local = [SCENE, *rng.integers(-1, len(links), 5).tolist()], rng.uniform(-0.3, 0.3, (6, 3))
        first, second = rng.integers(0, 6, 8), rng.integers(0, 6, 8)
        points = tracked(links, link, local, first, second)
        direction, q = rng.normal(size=(8, 3)), rng.uniform(-1, 1, n)

        def along(q: np.ndarray, points=points, first=first, second=second, direction=direction) -> np.ndarray:
            position = points.place(q, {})[:, :3].copy()
            return np.einsum("ij,ij->i", position[first] - position[second], direction)

        numeric = [(along(q + step * e) - along(q - step * e)) / (2 * step) for e in np.eye(n)]
        points.place(q, {})
        found = np.full((8, n), np.nan)
        points.differentiate(direction, found)
        np.testing.assert_allclose(found, np.array(numeric).T, atol=1e-8)
        assert not found[:, 0].any()  # the gripper is no link of the chain


def test_by_hand_on_a_stretched_planar_arm() -> None:
    points = tracked(planar(2), [2, 1, SCENE], np.array([[0, 0, 0], [0, 0, 0], [0, 1.0, 0]]), [0, 0], [2, 1])
    position = points.place(np.zeros(3), {})
    np.testing.assert_allclose(position, [[1, 0, 0, 1], [0.5, 0, 0, 1], [0, 1, 0, 1]])
    # Seen from the scene the tip moves by its lever about either joint.
    found = np.empty((2, 3))
    points.differentiate(np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]), found)
    np.testing.assert_allclose(found, [[0.0, 1.0, 0.5], [0.0, 0.5, 0.5]])


def test_paths_are_the_positions_of_each_configuration_and_follow_moving_obstacles() -> None:
    kinematics = Kinematics(chain_of(panda()), joints_of(panda()))
    followed = {"cube": [(1, np.array([0.0, 0.0, 0.1]))]}
    points = TrackedPoints(kinematics, [7, SCENE], [np.zeros(3), np.zeros(3)], followed, np.array([0]), np.array([1]))
    many, places = np.random.default_rng(2).uniform(-1, 1, (5, 7)), {"cube": np.array([0.4, 0.1, 0.2])}
    expected = [points.place(q, places)[:, :3].copy() for q in many]
    np.testing.assert_allclose(points.paths(many, places), expected, atol=1e-14)
    np.testing.assert_allclose(points.paths(many, places)[:, 1], np.tile([0.4, 0.1, 0.3], (5, 1)))
    with pytest.raises(KeyError):
        points.place(many[0], {})


def test_the_permutation_symbol_is_the_cross_product() -> None:
    a, b = np.random.default_rng(3).normal(size=(2, 9, 3))
    found = np.einsum("ri,rj->rij", a, b).reshape(9, 9) @ LEVI_CIVITA
    np.testing.assert_allclose(found, np.cross(a, b), atol=1e-15)
