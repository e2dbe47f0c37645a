import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.kinematics import Kinematics
from tests.policy_nodes.safety.arms import chain_of, joints_of, panda, planar, pose

MIXED = [
    {"name": "rail", "fixed": pose(z=0.2), "axis": [0.0, 1.0, 0.0], "kind": "prismatic"},
    {"name": "turn", "fixed": pose(x=0.3, roll=0.4), "axis": [0.6, 0.0, 0.8]},
    {"name": "plate", "fixed": pose(y=0.1, roll=-0.2), "kind": "fixed"},
    {"name": "reach", "fixed": pose(x=0.1), "axis": [1.0, 0.0, 0.0], "kind": "prismatic"},
    {"name": "wrist", "fixed": pose(x=0.2), "axis": [0.0, 1.0, 0.0]},
]
ARMS = [planar(3), panda(), MIXED]


def made(links: list[dict[str, object]], extra: tuple[str, ...] = ()) -> Kinematics:
    return Kinematics(chain_of(links), [*extra, *joints_of(links)])


def points(kinematics: Kinematics, q: np.ndarray, link: np.ndarray, local: np.ndarray) -> np.ndarray:
    frames = kinematics.frames(q)[link]
    return np.einsum("pij,pj->pi", frames[:, :3, :3], local) + frames[:, :3, 3]


def test_planar_arm_is_trigonometry() -> None:
    kinematics = made(planar(2, 0.5))
    q = np.array([0.3, 0.9])
    tip = points(kinematics, q, np.array([2]), np.zeros((1, 3)))[0]
    expected = [0.5 * np.cos(0.3) + 0.5 * np.cos(1.2), 0.5 * np.sin(0.3) + 0.5 * np.sin(1.2), 0.0]
    np.testing.assert_allclose(tip, expected, atol=1e-12)


def test_panda_stretched_out_and_in_its_ready_pose() -> None:
    kinematics = made(panda())
    for q, expected in [
        (np.zeros(7), [0.088, 0.0, 0.333 + 0.316 + 0.384 - 0.21]),
        (np.array([0, -np.pi / 4, 0, -3 * np.pi / 4, 0, np.pi / 2, np.pi / 4]), [0.30689, 0.0, 0.59028 + 0.107 - 0.21]),
    ]:
        tip = points(kinematics, q, np.array([7]), np.zeros((1, 3)))[0]
        np.testing.assert_allclose(tip, expected, atol=2e-5)


@pytest.mark.parametrize("links", ARMS)
def test_many_configurations_at_once_are_the_same(links: list[dict[str, object]]) -> None:
    kinematics = made(links, extra=("gripper",))
    many = np.random.default_rng(4).uniform(-2, 2, (9, len(joints_of(links)) + 1))
    np.testing.assert_allclose(kinematics.frames_of(many), [kinematics.frames(q).copy() for q in many], atol=1e-14)


def test_joints_are_found_by_their_place_in_the_command() -> None:
    kinematics = made(MIXED, extra=("gripper",))
    assert kinematics.joint(0) is None
    assert kinematics.joint(1) == (0, pytest.approx([0.0, 1.0, 0.0]), False)
    assert kinematics.joint(2) == (1, pytest.approx([0.6, 0.0, 0.8]), True)
    assert kinematics.carried_by(-1).tolist() == [0.0] * 5
    assert kinematics.carried_by(2).tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("links", ARMS)
def test_levers_bound_every_second_derivative(links: list[dict[str, object]]) -> None:
    kinematics = made(links)
    rng = np.random.default_rng(2)
    n, step = len(joints_of(links)), 1e-4
    local = np.array([0.1, -0.2, 0.05])
    last = len(links) - 1
    bound = kinematics.of_links(np.zeros(n)) + kinematics.levers(last, local, np.full(n, 2.0))
    order = [k for k, link in enumerate(links) if link.get("kind", "revolute") != "fixed"]

    def place(q: np.ndarray) -> np.ndarray:
        return points(kinematics, q, np.array([last]), local[None])[0]

    for _ in range(10):
        q = rng.uniform(-1, 1, n)
        for i in range(n):
            for j in range(i, n):
                a, b = step * np.eye(n)[i], step * np.eye(n)[j]
                second = (place(q + a + b) - place(q + a - b) - place(q - a + b) + place(q - a - b)) / (4 * step**2)
                assert np.linalg.norm(second) <= bound[order[i]] + 1e-6


def test_values_by_link_skip_what_does_not_move() -> None:
    kinematics = made(MIXED, extra=("gripper",))
    assert kinematics.of_links(np.arange(5.0)).tolist() == [1.0, 2.0, 0.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "stranger"}, "no joint of the bundle"),
        ({"axis": [0.0, 0.0, 2.0]}, "length 2"),
        ({"fixed": (2 * np.eye(4)).tolist()}, "not rigid"),
        ({"fixed": np.diag([1.0, 1.0, -1.0, 1.0]).tolist()}, "not rigid"),
        ({"name": "j1"}, "same name"),
    ],
)
def test_invalid_chains_are_refused(change: dict[str, object], message: str) -> None:
    links = planar(2)
    links[0] = {**links[0], **change}
    with pytest.raises(ConfigError, match=message):
        Kinematics(chain_of(links), ["j0", "j1"])
