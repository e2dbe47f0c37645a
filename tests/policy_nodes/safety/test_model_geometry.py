"""Capsules around collision shapes, and which pairs of links are kept."""

import numpy as np
import pytest

from policy_nodes.safety.filter.config import LinkConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.limits import Limits
from policy_nodes.safety.model_geometry import CORNERS, ModelLink, Shape, enclosing, filter_section
from tests.policy_nodes.safety import arms


def at(x: float, y: float, z: float) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def test_round_shapes_are_taken_as_they_are() -> None:
    start, end, radius = enclosing([Shape(at(1, 2, 3), np.full(3, 0.1), round=True)])
    assert (start.tolist(), end.tolist(), radius) == ([1, 2, 3], [1, 2, 3], 0.1)
    lying = at(0, 0, 0)
    lying[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]  # its z along x
    start, end, radius = enclosing([Shape(lying, np.array([0.1, 0.1, 0.5]), round=True)])
    np.testing.assert_allclose([start, end], [[-0.4, 0, 0], [0.4, 0, 0]], atol=1e-12)
    assert radius == 0.1


def test_a_box_gets_a_capsule_along_its_longest_side() -> None:
    start, end, radius = enclosing([Shape(at(0, 0, 1), np.array([0.03, 0.5, 0.04]))])
    np.testing.assert_allclose([start, end], [[0, -0.5, 1], [0, 0.5, 1]])
    assert radius == pytest.approx(0.05)


def test_no_corner_of_any_shape_is_outside() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        shapes = []
        for _ in range(rng.integers(1, 4)):
            turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
            pose = at(*rng.normal(0, 0.3, 3))
            pose[:3, :3] = turn
            shapes.append(Shape(pose, rng.uniform(0.01, 0.3, 3)))
        start, end, radius = enclosing(shapes)
        for each in shapes:
            corners = (CORNERS * each.half) @ each.pose[:3, :3].T + each.pose[:3, 3]
            along = end - start
            share = np.clip((corners - start) @ along / (along @ along), 0, 1)
            away = np.linalg.norm(corners - start - share[:, None] * along, axis=1)
            assert away.max() <= radius + 1e-9


def rods(count: int) -> list[ModelLink]:
    """A planar arm of thin rods, 0.5 m each, that can fold onto itself."""
    rod = at(0.25, 0, 0)
    rod[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    shape = Shape(rod, np.array([0.02, 0.02, 0.25]), round=True)
    return [ModelLink(f"rod{k}", LinkConfig.model_validate(arms.planar(count)[k]), [shape]) for k in range(count)]


def test_pairs_are_those_that_touch_in_some_postures_only() -> None:
    section = filter_section(rods(3), arms.joint_limits(["j0", "j1", "j2"]), margin=0.02)
    assert [(pair.first, pair.second, pair.margin) for pair in section.pairs] == [("rod0", "rod2", 0.02)]
    assert [body.radius for body in section.bodies] == [0.0201] * 3
    narrow = [joint.model_copy(update={"position_min": -0.2, "position_max": 0.2}) for joint in arms.joint_limits(
        ["j0", "j1", "j2"])]  # fmt: skip
    assert filter_section(rods(3), narrow, margin=0.02).pairs == []  # stretched out they never meet


def test_the_section_is_a_filter_that_works() -> None:
    joints = arms.joint_limits(["j0", "j1", "j2"])
    model = FilterModel(filter_section(rods(3), joints, 0.02), ["j0", "j1", "j2"], Limits.of(joints, 0.01))
    stretched, folded = model.distances(np.array([[0.0, 0, 0], [0, 2.6, 2.6]]), {})
    # Capsules end 0.02 m before the rods' ends: rod0 at 0.48, rod2 at 1.02; radii and margin off.
    np.testing.assert_allclose(stretched, [1.02 - 0.48 - 2 * 0.0201 - 0.02], atol=1e-9)
    assert folded[0] < 0
