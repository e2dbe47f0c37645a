import itertools

import numpy as np
import pytest

from policy_nodes.safety.filter.config import FilterConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.filter.safety_filter import Infeasible, SafetyFilter
from policy_nodes.safety.limits import JointLimiter, Limits, Motion, stopping_acceleration, viable
from tests.policy_nodes.safety.arms import DT, joint_limits, joints_of, panda, planar

TIP = {"name": "tip", "link": "tip", "start": [0.0, 0.0, 0.0], "radius": 0.05}
FORE = {"name": "fore", "link": "j2", "start": [0.1, 0.0, 0.0], "end": [0.5, 0.0, 0.0], "radius": 0.04}
WALL = {"workspace": {"link": "tip", "minimum": [-2.0, -0.3, -1.0], "maximum": [2.0, 2.0, 1.0]}}
SCENE = {
    "bodies": [TIP, FORE],
    "obstacles": [
        {"name": "ball", "position": [0.5, 0.9, 0.0], "radius": 0.1, "margin": 0.0},
        {"name": "rod", "position": [-0.2, -1.2, 0.0], "end": [0.5, 0.1, 0.0], "radius": 0.05, "margin": 0.0},
    ],
    **WALL,
}
PANDA = {
    "bodies": [
        {"name": "hand", "link": "tool", "start": [0.0, 0.0, -0.1], "end": [0.0, 0.0, 0.0], "radius": 0.05},
        {"name": "elbow", "link": "p3", "start": [0.0, 0.0, 0.0], "radius": 0.08},
        {"name": "base", "link": "p0", "start": [0.0, 0.0, -0.3], "end": [0.0, 0.0, 0.0], "radius": 0.1},
    ],
    "pairs": [{"first": "hand", "second": "base", "margin": 0.0}],
    "obstacles": [
        {"name": "post", "position": [0.45, 0.3, 0.0], "end": [0.0, 0.0, 0.6], "radius": 0.05, "margin": 0.0}
    ],
    "workspace": {"link": "tool", "minimum": [-0.8, -0.8, 0.1], "maximum": [0.8, 0.8, 1.3]},
}
READY = np.array([0, -np.pi / 4, 0, -3 * np.pi / 4, 0, np.pi / 2, np.pi / 4])


class Arm:
    """Limiter and filter in a row, as the commander has them; every command is checked."""

    def __init__(
        self, chain: list[dict[str, object]], start: np.ndarray, jerk: float = 2000.0, **sections: object
    ) -> None:
        names = joints_of(chain)
        self.settings = FilterConfig.model_validate({"chain": chain, **sections})
        joints = joint_limits(names, jerk)
        self.limits = Limits.of(joints, DT)
        self.limiter = JointLimiter(joints, DT)
        self.model = FilterModel(self.settings, names, self.limits)
        self.filter = SafetyFilter(self.settings, self.model, self.limits)
        self.motion = Motion.rest(start)
        self.places: dict[str, np.ndarray] = {}
        self.closest = np.inf
        self.changed = 0

    def value(self) -> float:
        return float(self.model.rows(self.motion.position, self.places).value.min())

    def take(self, command: np.ndarray) -> None:
        self.motion = self.motion.then(command, DT)
        self.closest = min(self.closest, self.value())
        lim = self.limits
        assert np.all(np.abs(self.motion.velocity) <= lim.velocity * (1 + 1e-9))
        assert np.all(np.abs(self.motion.acceleration) <= lim.acceleration * (1 + 1e-7))
        assert np.all(viable(self.motion, lim, lim.low, lim.high))

    def step(self, wanted: np.ndarray) -> np.ndarray:
        limited = self.limiter.next(self.motion, wanted)
        before = self.motion
        command = self.filter.next(self.motion, limited, self.places)
        self.changed += command is not limited
        self.take(command)
        jerk = np.abs(self.motion.acceleration - before.acceleration) / DT
        assert np.all(jerk <= self.limits.jerk * (1 + 1e-6))
        return command

    def stop(self) -> float:
        """Distance of the closest approach during a stop begun now; the motion is put back."""
        kept, closest = (self.motion, self.closest), self.value()
        while np.any(np.abs(self.motion.velocity) > 1e-9):
            velocity = self.motion.velocity + stopping_acceleration(self.motion, self.limits) * DT
            self.take(self.motion.position + velocity * DT)
            closest = min(closest, self.value())
        self.motion, self.closest = kept
        return closest


def test_far_from_everything_the_command_is_untouched() -> None:
    arm = Arm(planar(3), np.array([0.8, 0.5, 0.5]), **WALL)
    limited = arm.limiter.next(arm.motion, arm.motion.position + 0.001)
    assert arm.filter.next(arm.motion, limited, {}) is limited


@pytest.mark.parametrize("jerk", [2000.0, 150.0])
def test_a_command_through_the_wall_ends_before_it(jerk: float) -> None:
    arm = Arm(planar(3), np.array([0.6, 0.0, 0.0]), jerk=jerk, **WALL)
    values = []
    for _ in range(600):
        arm.step(np.array([-1.5, 0.0, 0.0]))
        values.append(arm.value())
    assert arm.changed > 0
    assert arm.closest >= 0.0
    # It gets there, and slowly: never faster than the rate allows once near.
    assert values[-1] < 0.02
    if jerk > 1000.0:  # otherwise the stop, to which the rate applies, ends far ahead of the arm
        near = [(a, b) for a, b in itertools.pairwise(values) if a < 0.15]
        assert all(b >= a * (1 - arm.settings.decay_rate * DT) - 1e-3 for a, b in near)


def test_joints_that_do_no_harm_are_left_alone() -> None:
    """Along the wall the first joint waits while the others turn: projections, not a common brake."""
    arm = Arm(planar(2), np.array([0.2, 0.6]), workspace={"link": "j1", "minimum": [-2, 0.0, -1], "maximum": [2, 2, 1]})
    for _ in range(300):
        arm.step(np.array([-1.0, -1.0]))
    assert arm.closest >= 0.0
    assert arm.motion.position[0] >= 0.0
    np.testing.assert_allclose(arm.motion.position[1], -1.0, atol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_no_policy_leads_into_anything_and_a_stop_is_always_clear(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arm = Arm(planar(3), np.array([0.9, 0.8, 0.8]), jerk=2000.0 if seed % 2 else 200.0, **SCENE)
    target = arm.motion.position
    for tick in range(600):
        if tick % (5 if seed < 2 else 60) == 0:
            target = rng.uniform(-2.8, 2.8, 3)
        arm.step(target)
        if tick % 20 == 0:
            assert arm.stop() >= -1e-9
    assert arm.changed > 20
    assert arm.closest >= -1e-9


def test_an_adversary_that_follows_the_gradient_does_not_get_through() -> None:
    arm = Arm(planar(3), np.array([0.9, 0.8, 0.8]), **SCENE)
    for tick in range(600):
        rows = arm.model.rows(arm.motion.position, {})
        worst = rows.gradient[int(rows.value.argmin())]
        arm.step(np.clip(arm.motion.position - 2.0 * np.sign(worst), -2.8, 2.8))
        if tick % 10 == 0:
            assert arm.stop() >= -1e-9
    assert -1e-9 <= arm.closest < 0.1


@pytest.mark.parametrize("seed", range(2))
def test_seven_joints_between_post_box_and_base(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arm = Arm(panda(), READY, **PANDA)
    assert len(arm.model.labels) >= 14
    target = READY
    for tick in range(400):
        if tick % 50 == 0:
            target = READY + rng.uniform(-1.5, 1.5, 7)
        arm.step(target)
        if tick % 25 == 0:
            assert arm.stop() >= -1e-9
    assert arm.changed > 20
    assert arm.closest >= -1e-9


def test_without_the_filter_the_same_policy_collides() -> None:
    rng = np.random.default_rng(0)
    arm = Arm(planar(3), np.array([0.9, 0.8, 0.8]), **SCENE)
    target = arm.motion.position
    for tick in range(900):
        if tick % 60 == 0:
            target = rng.uniform(-2.8, 2.8, 3)
        arm.take(arm.limiter.next(arm.motion, target))
    assert arm.closest < -0.05


def person(**changes: object) -> Arm:
    human = {"name": "person", "term": "cube", "radius": 0.1, "margin": 0.0, "stopping_s": 0.2, **changes}
    arm = Arm(planar(2), np.array([0.0, 0.0]), bodies=[TIP], humans=[human])
    arm.places = {"person": np.array([0.9, 1.25, 0.0])}
    return arm


def test_the_separation_from_a_person_is_kept_at_every_speed() -> None:
    arm = person()
    fixed = 0.15 + 1.6 * 0.3
    for _ in range(500):
        before = arm.motion.position
        arm.step(np.array([2.0, 0.0]))
        # The arm is stretched, so its tip moves with the first joint at 1 m/rad: S from the commanded speed.
        speed = (arm.motion.position[0] - before[0]) / DT
        tip = np.array([np.cos(before).prod(), np.sin(before[0])])
        distance = float(np.linalg.norm(arm.places["person"][:2] - tip)) - fixed
        stopping = speed**2 / (2 * arm.limits.acceleration[0])
        toward = max(speed, 0.0)
        assert distance >= 0.9 * (toward * 0.1 + stopping) * abs(np.cos(before[0])) - 0.02
    assert arm.closest >= 0.0
    assert arm.closest < 0.1


def test_a_person_who_comes_too_close_makes_it_infeasible() -> None:
    arm = person()
    arm.places["person"] = np.array([1.0, 0.6, 0.0])
    with pytest.raises(Infeasible, match="tip clear of person"):
        arm.step(np.array([-1.0, 0.0]))
    assert arm.filter.breach(arm.motion.position, arm.places) is not None


def test_a_solver_without_solution_is_infeasible(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Arm(planar(3), np.array([0.6, 0.0, 0.0]), **WALL)
    module = "policy_nodes.safety.filter.program.daqp.solve"

    class Useless:
        def __init__(self, solution: np.ndarray, flag: int) -> None:
            self.found = (solution, 0.0, flag, {})

        def setup(self, *_: object) -> None: ...

        def update(self, **_: object) -> int:
            return 0

        def solve(self) -> tuple[object, ...]:
            return self.found

    for flag, solution in [(-1, np.zeros(4)), (1, np.full(4, np.nan))]:
        with monkeypatch.context() as patch:
            patch.setattr(arm.filter._program, "model", Useless(solution, flag))
            patch.setattr(module, lambda *_, flag=flag, solution=solution: (solution, 0.0, flag, {}))
            with pytest.raises(Infeasible, match="no solution"):
                for _ in range(600):
                    arm.step(np.array([-1.5, 0.0, 0.0]))


def test_slack_gives_up_the_rate_but_never_the_barrier() -> None:
    gentle = Arm(planar(3), np.array([0.6, 0.0, 0.0]), **WALL, slack_weight=100.0)
    hasty = Arm(planar(3), np.array([0.6, 0.0, 0.0]), **WALL, slack_weight=1e-4)
    for arm in (gentle, hasty):
        for _ in range(60):
            arm.step(np.array([-1.5, 0.0, 0.0]))
    assert 0.0 <= hasty.closest < gentle.closest
