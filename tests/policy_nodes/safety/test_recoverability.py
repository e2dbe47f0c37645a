"""The policy is stopped while stopping still works: exact against the filter's bound, and never too late."""

from itertools import pairwise

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.backup import BACKUPS, BackupContext
from policy_nodes.safety.chunks import Wanted
from policy_nodes.safety.commander import Commander
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.limits import Limits, Motion
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.recoverability import NotRecoverable, Recoverability
from policy_nodes.safety.recoverability_config import RecoverabilityConfig
from policy_nodes.safety.supervisor import State
from tests.policy_nodes.safety import arms
from tests.policy_nodes.safety.rig import JOINTS, Rig, limits

CHAIN = arms.planar()
BODY = {"name": "tip", "link": "tip", "start": [0, 0, 0], "radius": 0.05}
WALL = {"name": "wall", "point": [0, 0.4, 0], "normal": [0, -1, 0], "margin": 0.02}
NAMES = arms.joints_of(CHAIN)
NEAR = Motion(np.array([0.1, 0.2]), np.full(2, 1.5), np.zeros(2))


def settings(**changes: object) -> SafetyConfig:
    section = {"chain": CHAIN, "bodies": [BODY], "planes": [WALL], "adjust": False}
    values = {"joints": arms.joint_limits(NAMES), "filter": section, "recoverability": {}, **changes}
    return SafetyConfig.model_validate(values)


def shield(backup: str = "jerk_limited_stop", **options: object) -> Recoverability:
    config = settings()
    assert config.filter is not None
    bounds = Limits.of(config.joints, arms.DT)
    made = BACKUPS[backup](BackupContext(config.joints, bounds))
    model = FilterModel(config.filter, NAMES, bounds)
    return Recoverability(RecoverabilityConfig.model_validate(options), model, bounds, made)


def tip(joints: np.ndarray) -> float:
    """y of the planar arm's tip, school trigonometry."""
    return 0.5 * np.sin(joints[..., 0]) + 0.5 * np.sin(joints[..., 0] + joints[..., 1])


@pytest.mark.parametrize("adjust", [False, True])
def test_no_random_policy_reaches_the_wall_and_the_stop_stays_clear(adjust: bool) -> None:
    rng = np.random.default_rng(5)
    base = settings()
    assert base.filter is not None
    config = base.model_copy(update={"filter": base.filter.model_copy(update={"adjust": adjust})})
    stops, closest, commander = 0, np.inf, Commander(config, arms.DT)
    for _ in range(25 if not adjust else 12):
        commander.begin(np.array([-0.6, 0.2]))
        direction = rng.uniform(0.2, 2.0, 2)
        for _ in range(120):
            assert commander.motion is not None
            try:
                wanted = commander.motion.position + 0.3 * direction
                commander.follow(Wanted(wanted, direction))
            except NotRecoverable:
                stops += 1
                break
        commander.start_backup(0, "jerk_limited_stop")
        rest, now = False, 0
        while not rest:
            now += 1
            command, rest = commander.back_up(now)
            closest = min(closest, 0.4 - 0.05 - float(tip(command)))
    assert closest >= 0.02 - 1e-5
    assert stops > 20 if not adjust else stops == 0


def test_it_decides_as_the_exact_simulated_stop_does() -> None:
    """Against a dense simulation: never yes where the stop touches, and no only near the limit."""
    check, rng = shield(checks=64), np.random.default_rng(2)
    stop = BACKUPS["jerk_limited_stop"](BackupContext(settings().joints, arms.limits(NAMES)))
    refused = allowed = 0
    for _ in range(300):
        motion = Motion(rng.uniform([-1.0, -1.0], [0.6, 0.6]), rng.uniform(-1.5, 1.5, 2), rng.uniform(-5, 5, 2))
        stop.start(0, motion.position, motion.velocity, motion.acceleration)
        path = [motion.position]
        while len(path) == 1 or not stop.finished(len(path)):
            path.append(np.array(stop.command(len(path))))
        dense = np.concatenate([np.linspace(a, b, 9) for a, b in pairwise(path)])
        clearance = 0.4 - 0.05 - 0.02 - float(tip(dense).max())
        answer = check.why_not(motion, {})
        if answer is None:
            allowed += 1
            assert clearance >= -1e-5
        else:
            refused += 1
            assert clearance < 0.04, answer
    assert refused > 20 and allowed > 100


def test_cost_is_bounded_by_the_horizon_and_by_the_number_of_checks() -> None:
    slow = shield(horizon_s=0.02)
    assert "takes longer than 0.02 s" in str(slow.why_not(NEAR, {}))
    seen: list[int] = []
    check = shield(checks=7)
    inner = check._model.distances
    check._model.distances = lambda path, places: (seen.append(len(path)), inner(path, places))[1]  # type: ignore
    check.why_not(NEAR, {})
    assert max(seen) == 7


def test_far_from_everything_nothing_is_simulated() -> None:
    check = shield()
    assert check.why_not(Motion(np.array([-1.2, 0.0]), np.full(2, 0.3), np.zeros(2)), {}) is None
    assert check.simulated_ticks == 0


def test_a_damped_stop_needs_more_room_than_the_jerk_limited_one() -> None:
    positions = np.linspace(-0.4, 0.4, 60)
    first = {}
    for name in ("jerk_limited_stop", "damped_stop"):
        moving = (Motion(np.array([p, 0.0]), np.ones(2), np.zeros(2)) for p in positions)
        first[name] = next(m.position[0] for m in moving if shield(name).why_not(m, {}))
    assert first["damped_stop"] < first["jerk_limited_stop"]


def test_a_person_is_kept_at_the_reaction_distance_too() -> None:
    human = {"name": "person", "position": [0.9, 0.9, 0], "radius": 0.1, "speed": 0.0, "reaction_s": 0.2}
    section = {"chain": CHAIN, "bodies": [BODY], "humans": [human], "adjust": False}
    model = arms.model(CHAIN, **{k: v for k, v in section.items() if k != "chain"})
    moving = np.array([1.0, 0.0])
    assert model.reacting(moving)[0] == pytest.approx(0.2 * model.motion_of(moving)[0])
    assert model.reacting(np.zeros(2))[0] == 0.0


def test_the_governor_hands_over_in_the_tick_that_would_go_too_far() -> None:
    chain = [{**link, "name": name} for link, name in zip(arms.planar(), [*JOINTS, "tip"], strict=True)]
    section = {"chain": chain, "bodies": [BODY], "planes": [WALL], "adjust": False}
    config = SafetyConfig.model_validate({"joints": limits(), "filter": section, "recoverability": {}})
    rig = Rig(config, speed=1.0).active(1)
    while rig.governor.state is State.ACTIVE and len(rig.log) < 400:
        rig.tick()
    decision = rig.log[-1]
    assert (decision.state, decision.reason) == (State.BACKUP, Reason.NOT_RECOVERABLE)
    assert "tip clear of wall" in decision.detail
    rig.tick(60)
    assert rig.governor.state is State.STOPPED
    assert tip(np.array(rig.commands)).max() <= 0.4 - 0.05 - 0.02 + 1e-5
    rig.assert_limits()


def test_without_geometry_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no geometry"):
        SafetyConfig.model_validate({"joints": limits(), "recoverability": {}})
    with pytest.raises(ConfigError, match="no body can stay clear of 'wall'"):
        arms.model(CHAIN, planes=[WALL])
