"""MoveIt Servo's scaling: its published vectors, a Panda near its stretched elbow, and commands that obey it."""

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.chunks import Wanted
from policy_nodes.safety.commander import Commander
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.filter.config import PairConfig, SlowdownConfig
from policy_nodes.safety.kinematics import Kinematics
from policy_nodes.safety.slowdown import Slowdown, collision_scale, jacobian, singularity_scale
from tests.policy_nodes.safety import arms

CHAIN = arms.panda()
JOINTS = arms.joints_of(CHAIN)
TOOL = {"link": "tool"}
READY = np.array([0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785])
BOX = {"link": "tool", "minimum": [-2, -2, -2], "maximum": [2, 2, 2]}


def elbow(angle: float) -> np.ndarray:
    """Bent by ``angle`` only; the wrist is as in the ready pose."""
    return np.array([0.3, 0.2, 0.1, -angle, 0.1, 1.571, 0.785])


def slowdown(**sections: object) -> Slowdown:
    changes = sections.pop("slowdown", {})
    assert isinstance(changes, dict)
    config = SlowdownConfig.model_validate({**TOOL, **changes})
    pairs = [PairConfig.model_validate(pair) for pair in sections.get("pairs", [])]  # type: ignore[attr-defined]
    return Slowdown(config, arms.model(CHAIN, **{"workspace": BOX, **sections}), pairs)


def condition(joints: np.ndarray) -> float:
    arm = Kinematics(arms.chain_of(CHAIN), JOINTS)
    return float(np.linalg.cond(jacobian(arm, joints, len(CHAIN) - 1, np.zeros(3))))


@pytest.mark.parametrize(
    ("distance", "threshold", "scale"),
    [
        (0.001, 0.01, 0.002), (0.005, 0.01, 0.03162), (0.0075, 0.01, 0.17783),
        (0.005, 0.02, 0.00562), (0.01, 0.02, 0.03162), (0.02, 0.02, 1.0), (0.3, 0.02, 1.0), (0.0, 0.01, 0.0),
        (-0.01, 0.01, 0.0), (1e-9, 0.01, 0.001),
    ],
)  # fmt: skip
def test_collision_vectors(distance: float, threshold: float, scale: float) -> None:
    assert collision_scale(distance, threshold) == pytest.approx(scale, abs=6e-6)


@pytest.mark.parametrize(
    ("number", "leaving", "scale"),
    [(20, False, 0.7692), (23.5, False, 0.5), (27, False, 0.2308), (16, False, 1.0), (17, False, 1.0), (30, False, 0.0),
     (99, False, 0.0), (30, True, 0.5), (43, True, 0.0), (23.5, True, 0.75)],
)  # fmt: skip
def test_singularity_vectors(number: float, leaving: bool, scale: float) -> None:
    assert singularity_scale(number, leaving, 17.0, 30.0, 2.0) == pytest.approx(scale, abs=5e-5)


def test_the_jacobian_is_the_derivative_of_the_tool() -> None:
    arm, link, point = Kinematics(arms.chain_of(CHAIN), JOINTS), len(CHAIN) - 1, np.array([0.02, -0.03, 0.1])
    found, step = jacobian(arm, READY, link, point), 1e-6
    for column in range(7):
        ahead, behind = READY.copy(), READY.copy()
        ahead[column] += step
        behind[column] -= step
        one, two = arm.frames(ahead)[link].copy(), arm.frames(behind)[link].copy()
        moved = (one[:3, :3] @ point + one[:3, 3] - two[:3, :3] @ point - two[:3, 3]) / (2 * step)
        turned = (one[:3, :3] - two[:3, :3]) / (2 * step) @ arm.frames(READY)[link, :3, :3].T
        np.testing.assert_allclose(found[:3, column], moved, atol=1e-8)
        np.testing.assert_allclose(found[3:, column], [turned[2, 1], turned[0, 2], turned[1, 0]], atol=1e-8)


def test_near_the_stretched_elbow_towards_is_slower_than_away() -> None:
    near = elbow(1.1)
    number = condition(near)
    assert 17.0 < number < 30.0
    limit = slowdown()
    stretch = np.zeros(7)
    stretch[3] = 0.01  # the angle is negative: towards straight
    assert condition(near + stretch) > number
    towards, away = limit.scale(near, stretch, {}), limit.scale(near, -stretch, {})
    assert towards == pytest.approx(1.0 - (number - 17.0) / 13.0)
    assert away == pytest.approx(1.0 - (number - 17.0) / 26.0)
    straight = elbow(0.5)
    assert condition(straight) > 43.0
    assert limit.scale(straight, stretch, {}) == 0.0


def test_a_well_conditioned_arm_far_from_everything_keeps_its_speed() -> None:
    assert condition(READY) < 17.0
    assert slowdown().scale(READY, np.ones(7), {}) == 1.0


def test_near_the_scene_and_near_itself_each_with_its_threshold() -> None:
    arm = Kinematics(arms.chain_of(CHAIN), JOINTS)
    tool = arm.frames(READY)[-1, :3, 3].copy()
    post = {"name": "post", "position": [float(tool[0]), float(tool[1]), float(tool[2]) - 0.21], "radius": 0.1}
    scene = slowdown(
        bodies=[{"name": "hand", "link": "tool", "start": [0, 0, 0], "radius": 0.1}],
        obstacles=[{**post, "margin": 0.0}],
    )
    assert scene.scale(READY, np.ones(7), {}) == pytest.approx(0.03162, abs=1e-4), "1 cm left of 2 cm"
    shoulder = arm.frames(READY)[0, :3, 3].copy()
    gap = float(np.linalg.norm(tool - shoulder)) - 0.1 - 0.005
    itself = slowdown(
        bodies=[
            {"name": "hand", "link": "tool", "start": [0, 0, 0], "radius": 0.1},
            {"name": "base", "link": "p0", "start": [0, 0, 0], "radius": gap},
        ],
        pairs=[{"first": "hand", "second": "base", "margin": 0.0}],
    )
    assert itself.scale(READY, np.ones(7), {}) == pytest.approx(0.03162, abs=1e-4), "5 mm left of 1 cm"


def commander(**slow: object) -> Commander:
    section = {"chain": CHAIN, "workspace": BOX, "slowdown": {**TOOL, **slow}}
    return Commander(SafetyConfig.model_validate({"joints": arms.joint_limits(JOINTS), "filter": section}), arms.DT)


def test_a_policy_that_stretches_the_arm_is_braked_before_the_singularity_and_can_turn_back() -> None:
    robot = commander()
    robot.begin(elbow(1.5))
    target = elbow(0.5)
    for _ in range(600):
        robot.follow(Wanted(target, np.zeros(7)))
    motion = robot.motion
    assert motion is not None
    assert np.abs(motion.velocity).max() < 1e-3, "it stands"
    assert 20.0 < condition(motion.position) < 31.0, "and not at the singularity"
    assert robot.counters["slowed_ticks"] > 100
    for _ in range(600):
        robot.follow(Wanted(elbow(1.5), np.zeros(7)))
    np.testing.assert_allclose(robot.motion.position, elbow(1.5), atol=1e-3)


def test_the_direction_is_kept_and_without_the_section_nothing_changes() -> None:
    start, target = elbow(1.3), elbow(1.3)
    target[[0, 3]] += [0.4, 0.8]
    slow, fast = commander(singularity_lower=10.0), commander(singularity_lower=1e6, singularity_upper=2e6)
    plain = Commander(
        SafetyConfig.model_validate(
            {"joints": arms.joint_limits(JOINTS), "filter": {"chain": CHAIN, "workspace": BOX}}
        ),
        arms.DT,
    )
    paths = []
    for robot in (slow, fast, plain):
        robot.begin(start)
        paths.append(np.array([robot.follow(Wanted(target, np.zeros(7))) for _ in range(25)]))
    np.testing.assert_array_equal(paths[1], paths[2])
    slowed, full = slow.motion, fast.motion
    assert slowed is not None and full is not None
    assert 0.2 * full.velocity[3] < slowed.velocity[3] < 0.9 * full.velocity[3]
    assert slowed.velocity[0] / slowed.velocity[3] == pytest.approx(0.5, abs=0.03)


def test_what_cannot_work_is_refused_at_configure() -> None:
    planar = {"chain": arms.planar(), "workspace": {"link": "tip", "minimum": [-2] * 3, "maximum": [2] * 3}}
    settings = {"joints": arms.joint_limits(["j0", "j1"]), "filter": {**planar, "slowdown": {"link": "tip"}}}
    with pytest.raises(ConfigError, match="2 joints move 'tip', six are needed"):
        Commander(SafetyConfig.model_validate(settings), arms.DT)
    with pytest.raises(ValueError, match="not above singularity_lower"):
        commander(singularity_lower=30.0)
    with pytest.raises(ValueError, match="unknown links or bodies: hand"):
        commander(link="hand")
