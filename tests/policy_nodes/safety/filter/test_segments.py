import numpy as np

from policy_nodes.safety.filter.segments import closest, normalise


def distance(ends: np.ndarray) -> tuple[float, float, np.ndarray]:
    s, t, between = closest(ends[None])
    direction = between.copy()
    normalise(direction, np.empty_like(direction), np.ones(3))
    gap = ends[0] + s[0] * (ends[1] - ends[0]) - ends[2] - t[0] * (ends[3] - ends[2])
    np.testing.assert_allclose(np.linalg.norm(direction[0]), 1.0)
    np.testing.assert_allclose(between[0], gap, atol=1e-12)
    return float(np.linalg.norm(gap)), float(direction[0] @ gap), direction[0]


def test_by_hand() -> None:
    cases = [
        ([[0, 0, 0], [1, 0, 0], [0.5, -1, 1], [0.5, 1, 1]], 1.0, [0, 0, -1]),  # crossing
        ([[0, 0, 0], [1, 0, 0], [3, 0, 0], [2, 0, 0]], 1.0, [-1, 0, 0]),  # in one line
        ([[0, 0, 0], [1, 0, 0], [0, 2, 0], [1, 2, 0]], 2.0, [0, -1, 0]),  # parallel
        ([[0, 0, 0], [0, 0, 0], [0, 3, 4], [0, 3, 4]], 5.0, [0, -0.6, -0.8]),  # two points
        ([[1, 1, 0], [1, 1, 0], [0, 0, 0], [4, 0, 0]], 1.0, [0, 1, 0]),  # point and segment
    ]
    for ends, expected, direction in cases:
        found, projected, along = distance(np.array(ends, dtype=float))
        assert np.isclose(found, expected)
        assert np.isclose(projected, expected)
        np.testing.assert_allclose(along, direction, atol=1e-12)


def test_touching_segments_have_some_direction() -> None:
    found, _, direction = distance(np.array([[0.0, 0, 0], [1, 0, 0], [0.5, -1, 0], [0.5, 1, 0]]))
    assert found == 0.0
    assert direction.tolist() == [0.0, 0.0, 1.0]


def test_no_sampled_pair_of_points_is_closer() -> None:
    rng = np.random.default_rng(0)
    grid = np.linspace(0, 1, 41)
    for trial in range(200):
        ends = rng.normal(size=(4, 3))
        if trial % 4 == 0:
            ends[3] = ends[2] + (ends[1] - ends[0]) * rng.uniform(-1, 1)  # parallel
        if trial % 5 == 0:
            ends[1] = ends[0]
        found, _, _ = distance(ends)
        first = ends[0] + grid[:, None] * (ends[1] - ends[0])
        second = ends[2] + grid[:, None] * (ends[3] - ends[2])
        sampled = np.linalg.norm(first[:, None] - second[None], axis=2).min()
        assert found <= sampled + 1e-12
        assert found >= sampled - 0.2
