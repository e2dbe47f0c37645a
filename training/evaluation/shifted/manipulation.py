"""A manipulation bundle in changed worlds: the closed loop of ``keel evaluate`` around a task's world that is not quite
the one of the demonstrations. Success is the task's own, judged on the true state.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import ConfigError
from training.contracts.task import TaskContract
from training.evaluation.closed_loop import ClosedLoop
from training.evaluation.shifted.shift import (
    Floats,
    Late,
    Shift,
    Trial,
    joint_losses,
    scale_friction,
    scale_servos,
    tilt_gravity,
)

JOINTS, POSES = "joints", "poses"
"""Kinds of signals that ``Shift.noise`` knows here: joint positions [rad or m], object positions [m]."""
SHIFTS = (
    Shift("nominal", "the world of the demonstrations", min_success=0.95),
    Shift("euler", "semi-implicit Euler", integrator="Euler"),
    Shift("implicit", "fully implicit integration", integrator="implicit"),
    Shift("slippery", "friction of everything times 0.6", (scale_friction(0.6),)),
    Shift("rough", "friction of everything times 1.5", (scale_friction(1.5),)),
    Shift("soft_servos", "stiffness times 0.8, damping times 0.8", (scale_servos(0.8, 0.8),)),
    Shift("stiff_servos", "stiffness and damping times 1.25", (scale_servos(1.25, 1.25),)),
    Shift("dry_gears", "0.5 N m dry and 0.5 N m s/rad viscous friction more", (joint_losses(0.5, 0.5),)),
    Shift("tilted", "gravity tilted by 2 degrees", (tilt_gravity(2.0),)),
    Shift("late_commands", "commands used one control period late", action_delay=1),
    Shift("late_observations", "observations two control periods late", observation_delay=2),
    Shift("noise", "joint positions 2 mrad (or mm), object positions 2 mm", noise={JOINTS: 0.002, POSES: 0.002}),
    Shift("everything", "friction times 0.8, servos times 0.9, dry gears, late by one period, noise 1 mrad and 1 mm",
          (scale_friction(0.8), scale_servos(0.9, 0.9), joint_losses(0.2, 0.2)),
          action_delay=1, noise={JOINTS: 0.001, POSES: 0.001}, min_success=0.8),
)  # fmt: skip


class ShiftedWorld:
    """A task's world with a changed model, and with sensors and commands that are late or noisy.

    Everything that is not changed here is the inner world's.

    Args:
        world: of a task, with MuJoCo's ``model``; it is changed for good.
        shift: what differs.
        seed: of what the shift draws.

    Raises:
        ConfigError: the world has no MuJoCo model of its own.
    """

    def __init__(self, world: Any, shift: Shift, seed: int) -> None:
        if not hasattr(world, "model"):
            raise ConfigError(
                f"{type(world).__name__} has no MuJoCo model, so its dynamics cannot be changed.",
                "--shifted is for MuJoCo tasks.",
            )
        self._world, self._shift = world, shift
        shift.apply(world.model, np.random.default_rng([seed, 12]))
        self._begin(seed)

    def _begin(self, seed: int | None) -> None:
        self._rng = np.random.default_rng([0 if seed is None else seed, 13])
        self._command = Late(self._shift.action_delay)
        self._joints = Late(self._shift.observation_delay)
        self._poses: dict[str, Late] = {}
        self._seen: tuple[tuple[Floats, Floats, Floats], dict[str, Floats]] | None = None

    def reset(self, seed: int | None = None) -> None:
        """A seeded start, with empty delay lines."""
        self._world.reset(seed)
        self._begin(seed)

    def step(self, command: Floats) -> None:
        """One control period under a command that may be an earlier one."""
        self._world.step(self._command(command))
        self._seen = None

    def joint_state(self) -> tuple[Floats, Floats, Floats]:
        """As measured: late and noisy positions; velocity and effort are late with them."""
        return self._measured()[0]

    def object_poses(self) -> dict[str, Floats]:
        """As tracked: late and noisy positions."""
        return self._measured()[1]

    def _measured(self) -> tuple[tuple[Floats, Floats, Floats], dict[str, Floats]]:
        """One measurement per control period, however often it is read."""
        if self._seen is None:
            noise, count = self._shift.noise, len(self._world.joint_names)
            position, velocity, effort = self._joints(np.stack(self._world.joint_state()))
            position = position + self._rng.normal(0.0, noise.get(JOINTS, 0.0), count)
            poses = {}
            for name, pose in self._world.object_poses().items():
                late = self._poses.setdefault(name, Late(self._shift.observation_delay))
                poses[name] = late(pose).copy()
                poses[name][:3] += self._rng.normal(0.0, noise.get(POSES, 0.0), 3)
            self._seen = (position, velocity, effort), poses
        return self._seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)


def attempt(bundle: Bundle, contract: TaskContract, shift: Shift, seeds: range, provider: str = "cpu") -> list[Trial]:
    """Episodes of one changed world, one per seed.

    Raises:
        ConfigError: the task has no MuJoCo model.
        ProviderError: the provider cannot run here.
    """
    loop = ClosedLoop(bundle, ShiftedWorld(contract.make_world(), shift, seeds.start), provider=provider)
    episodes = [loop.run(seed, contract.episode_s) for seed in seeds]
    return [Trial(e.success, None, "" if e.success else (e.stopped_by or e.outcome)) for e in episodes]
