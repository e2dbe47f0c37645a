"""The search and the backup that executes it: what it may never do, what it reaches, its precondition and its size."""

from collections.abc import Mapping

import numpy as np
import pytest
from pydantic import ValidationError

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup import BackupContext, StlMpc
from policy_nodes.safety.backup.stl_search import StlSearch
from policy_nodes.safety.backup_config import BackupConfig, StlMpcConfig
from policy_nodes.safety.filter.config import FilterConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.limits import Array, JointLimiter, Limits, Motion
from tests.policy_nodes.safety.arms import DT, joint_limits, joints_of, panda, planar

READY = np.array([0, -np.pi / 4, 0, -3 * np.pi / 4, 0, np.pi / 2, np.pi / 4])
BODIES = [
    {"name": "tip", "link": "tool", "start": [0, 0, 0], "radius": 0.05},
    {"name": "wrist", "link": "p5", "start": [0, 0, 0], "radius": 0.07},
]
BALL = {"name": "ball", "term": "ball", "radius": 0.08, "margin": 0.01}


def made(jerk: float = 5000.0, **changes: object) -> tuple[BackupContext, dict[str, Array]]:
    names = joints_of(panda())
    joints = joint_limits(names, jerk)
    limits = Limits.of(joints, DT)
    geometry = FilterConfig.model_validate({"chain": panda(), "bodies": BODIES, "obstacles": [BALL], "adjust": False})
    model = FilterModel(geometry, names, limits)
    terms: dict[str, Array] = {"ball": np.array([2.0, 2.0, 2.0])}
    section = {"link": "tool", "goal_term": "goal", "detours": 6, "steps": 15, "speed": 1.5, **changes}
    config = BackupConfig.model_validate({"stl_mpc": section})

    def known() -> Mapping[str, Array]:
        return terms

    return BackupContext(joints, limits, config, model=model, places=known, terms=known), terms


def tool(context: BackupContext, joints: np.ndarray) -> np.ndarray:
    assert context.model is not None
    return context.model.kinematics.frames(joints)[-1, :3, 3].copy()


def run(context: BackupContext, backup: StlMpc, motion: Motion, ticks: int = 1200) -> np.ndarray:
    """All positions to rest, checked against every limit and against the ball."""
    lim, positions = context.limits, [motion.position]
    backup.start(0, motion.position, motion.velocity, motion.acceleration)
    for now in range(1, ticks):
        command = backup.command(now)
        assert backup.command(now) is command
        after = motion.then(command, DT)
        assert np.all((command >= lim.low - 1e-12) & (command <= lim.high + 1e-12))
        assert np.all(np.abs(after.velocity) <= lim.velocity * (1 + 1e-6))
        assert np.all(np.abs(after.acceleration) <= lim.acceleration * (1 + 1e-6))
        assert np.all(np.abs(after.acceleration - motion.acceleration) / DT <= lim.jerk * (1 + 1e-5))
        motion = after
        positions.append(command)
        if backup.finished(now):
            assert np.abs(motion.velocity).max() < 1e-8
            return np.array(positions)
    raise AssertionError("the backup did not end")


@pytest.mark.parametrize("height", [-0.05, 0.05])
def test_it_reaches_the_goal_past_what_is_in_the_way(height: float) -> None:
    context, terms = made(margin=0.0)
    turn = np.array([0.6, 0, 0, 0, 0, 0, 0])
    terms["goal"] = tool(context, READY + turn)
    terms["ball"] = tool(context, READY) + np.array([0.0, 0.0, height])  # half way: neither straight nor along the arc
    backup, model = StlMpc(context), context.model
    assert backup.admissible(READY - turn, np.zeros(7), np.zeros(7))
    path = run(context, backup, Motion.rest(READY - turn))
    assert np.linalg.norm(tool(context, path[-1]) - terms["goal"]) < 0.05
    assert model is not None
    assert model.distances(path, terms).min() > -0.01  # the margin may be used, the ball is 10 mm further in


@pytest.mark.parametrize("jerk", [2000.0, 150.0])
def test_limits_hold_from_worst_case_starts(jerk: float) -> None:
    context, terms = made(jerk, limit_s=0.5)
    rng, limiter = np.random.default_rng(0), JointLimiter(context.joints, DT)
    backup = StlMpc(context)
    for _ in range(3):
        motion = Motion.rest(rng.uniform(-2.5, 2.5, 7))
        target = np.sign(rng.normal(size=7)) * 2.8
        for _ in range(rng.integers(20, 120)):  # at full speed, or braking hard before a position limit
            motion = motion.then(limiter.next(motion, target), DT)
        terms["goal"] = rng.uniform(-0.8, 0.8, 3)
        run(context, backup, motion)


def test_a_goal_that_cannot_be_reached_is_approached_and_given_up() -> None:
    context, terms = made(limit_s=2.0)
    terms["goal"] = np.array([2.0, 0.0, 0.5])
    path = run(context, StlMpc(context), Motion.rest(READY))
    first, last = (np.linalg.norm(tool(context, q) - terms["goal"]) for q in (path[0], path[-1]))
    assert last < first - 0.2
    assert len(path) < 300


def test_already_there_means_a_stop() -> None:
    context, terms = made()
    terms["goal"] = tool(context, READY)
    assert len(run(context, StlMpc(context), Motion.rest(READY))) == 2


def test_precondition() -> None:
    context, terms = made()
    backup, still = StlMpc(context), (np.zeros(7), np.zeros(7))
    assert not backup.admissible(READY, *still)  # the goal was never received
    terms["goal"] = np.array([0.4, 0.3, 0.5])
    assert backup.admissible(READY, *still)
    fast = np.where(READY > 0, 2.0, -2.0)
    assert not backup.admissible(np.sign(fast) * 2.79, fast, np.zeros(7))  # no stop fits
    terms["ball"] = tool(context, READY)
    assert not backup.admissible(READY, *still)  # the arm is in the ball: no plan is safe


def test_a_goal_that_is_lost_on_the_way_ends_it() -> None:
    context, terms = made()
    terms["goal"] = np.array([0.4, 0.4, 0.5])
    backup, motion = StlMpc(context), Motion.rest(READY)
    backup.start(0, motion.position, motion.velocity, motion.acceleration)
    for now in range(1, 15):
        backup.command(now)
    del terms["goal"]
    for now in range(15, 200):
        backup.command(now)
        if backup.finished(now):
            return
    raise AssertionError("it goes on without a goal")


def test_a_plan_is_safe_and_the_best_of_a_bounded_number() -> None:
    context, terms = made()
    settings, model = context.settings.stl_mpc, context.model
    assert settings is not None
    assert model is not None
    search = StlSearch(settings, model, context.limits)
    goal = np.array([0.45, 0.25, 0.45])
    judged = []
    whole = search._judge
    search._judge = lambda positions, *rest: judged.append(positions.shape) or whole(positions, *rest)  # type: ignore
    plan = search.plan(READY, terms, goal)
    assert plan is not None
    assert plan.velocities.shape == (15, 7)
    assert np.abs(plan.velocities).max() <= 1.5
    assert plan.safe > 0.0
    following = search.plan(READY + 0.1 * plan.velocities[0], terms, goal, plan)
    assert following is not None
    assert following.task >= plan.task - 0.05
    assert [shape[0] for shape in judged] == [search.candidates - 1, search.candidates]


def test_without_a_clear_plan_there_is_none() -> None:
    context, terms = made(safe="always(clear > 9.0)")
    terms["goal"] = np.array([0.4, 0.3, 0.5])
    assert not StlMpc(context).admissible(READY, np.zeros(7), np.zeros(7))


def test_slides_move_the_tool_too() -> None:
    rail = {"name": "rail", "fixed": np.eye(4).tolist(), "axis": [1.0, 0.0, 0.0], "kind": "prismatic"}
    chain = [rail, *planar(2)]
    names = joints_of(chain)
    limits = Limits.of(joint_limits(names), DT)
    box = {"link": "tip", "minimum": [-9, -9, -9], "maximum": [9, 9, 9]}
    model = FilterModel(FilterConfig.model_validate({"chain": chain, "workspace": box}), names, limits)
    search = StlSearch(StlMpcConfig(link="rail", goal=[1.0, 0.0, 0.0]), model, limits)
    plan = search.plan(np.array([0.0, 0.5, 0.5]), {}, np.array([1.0, 0.0, 0.0]))
    assert plan is not None
    np.testing.assert_allclose(plan.velocities[0], [1.0, 0.0, 0.0], atol=1e-9)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"link": "hand"}, "no link 'hand'"),
        ({"task": "eventually(speed < 1)"}, "speed"),
        ({"safe": "always("}, "always"),
    ],
)
def test_what_cannot_be_planned_is_refused_at_configure(section: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        StlMpc(made(**section)[0])


def test_without_geometry_or_section_it_is_refused() -> None:
    context, _ = made()
    context.model = None
    with pytest.raises(ConfigError, match="'filter' is missing"):
        StlMpc(context)
    with pytest.raises(ConfigError, match=r"'backups.stl_mpc' is missing"):
        StlMpc(BackupContext(context.joints, context.limits))
    for goals in ({}, {"goal": [0, 0, 0], "goal_term": "goal"}):
        with pytest.raises(ValidationError, match="either goal or goal_term"):
            StlMpcConfig.model_validate({"link": "tool", **goals})
