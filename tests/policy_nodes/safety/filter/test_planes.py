"""Planes as barriers, and distances of whole paths with their Lipschitz bound."""

import numpy as np
import pytest

from policy_nodes.safety.filter.config import PlaneConfig
from tests.policy_nodes.safety import arms

BODIES = [
    {"name": "tool", "link": "tool", "start": [0, 0, -0.1], "end": [0, 0, 0], "radius": 0.05},
    {"name": "elbow", "link": "p3", "start": [0, 0, 0], "radius": 0.08},
    {"name": "base", "link": "p0", "start": [0, 0, -0.3], "end": [0, 0, 0], "radius": 0.1},
]
SCENE = {
    "bodies": BODIES,
    "planes": [
        {"name": "table", "point": [0, 0, 0], "normal": [0, 0, 3], "margin": 0.01, "bodies": ["tool", "elbow"]},
        {"name": "wall", "point": [0.9, 0, 0], "normal": [-1, 0.2, 0], "bodies": ["tool"]},
    ],
    "obstacles": [{"name": "ball", "position": [0.4, -0.4, 0.5], "radius": 0.1}],
    "pairs": [{"first": "tool", "second": "base"}],
    "workspace": {"link": "tool", "minimum": [-2, -2, -2], "maximum": [2, 2, 2]},
    "joint_margin": 0.05,
}


@pytest.fixture(scope="module")
def model():
    return arms.model(arms.panda(), **SCENE)


def test_distances_of_a_path_equal_the_rows_of_each_configuration(model) -> None:
    rng = np.random.default_rng(0)
    path = rng.uniform(-1.5, 1.5, (12, 7))
    found = model.distances(path, {})
    assert found.shape == (12, len(model.names))
    for joints, distances in zip(path, found, strict=True):
        rows = model.rows(joints, {})
        lowest = {}
        for label, value in zip(model.labels, rows.value, strict=True):
            lowest[label] = min(value, lowest.get(label, np.inf))
        for name, distance in zip(model.names, distances, strict=True):
            # A row bounds the distance by directions between ends: equal where one end is nearest.
            assert distance >= lowest[name] - 1e-9
            if "wall" in name or "table" in name or "workspace" in name or name.startswith("p"):
                assert distance == pytest.approx(lowest[name], abs=1e-9)


def test_no_distance_changes_faster_than_its_bound(model) -> None:
    rng = np.random.default_rng(1)
    for size in (1e-3, 0.1, 1.0):
        first = rng.uniform(-1.5, 1.5, (60, 7))
        second = first + rng.uniform(-size, size, (60, 7))
        change = np.abs(model.distances(second, {}) - model.distances(first, {}))
        assert (change <= model.motion_of(np.abs(second - first)) + 1e-9).all()


def test_gradients_of_planes_equal_finite_differences(model) -> None:
    rng, step = np.random.default_rng(3), 1e-6
    wanted = [k for k, label in enumerate(model.labels) if "table" in label or "wall" in label]
    assert len(wanted) == 5  # two ends of the tool on each plane, one of the elbow
    for joints in rng.uniform(-1.2, 1.2, (8, 7)):
        rows = model.rows(joints, {})
        for column in range(7):
            nudge = np.eye(7)[column] * step
            slope = (model.rows(joints + nudge, {}).value - model.rows(joints - nudge, {}).value) / (2 * step)
            np.testing.assert_allclose(rows.gradient[wanted, column], slope[wanted], atol=1e-6)


def test_a_plane_needs_a_direction() -> None:
    with pytest.raises(ValueError, match="normal has no direction"):
        PlaneConfig.model_validate({"name": "table", "point": [0, 0, 0], "normal": [0, 0, 0]})
