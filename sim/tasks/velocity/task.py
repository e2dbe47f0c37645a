"""Velocity tracking as a ``sim.vector`` task: puts this package's pure terms behind the engine's protocol."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.actuators.delay import held_targets
from sim.randomization.model import ModelRandomization, Sampled, randomized_models
from sim.tasks.velocity import commands, events, mirror, observations, rewards, terminations
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.drives import Drives
from sim.tasks.velocity.mirror import Mirror
from sim.tasks.velocity.scene import Ground, LeggedRobot, add_floor, build_model, sensor_layout
from sim.tasks.velocity.sensing import Sensing
from sim.tasks.velocity.state import LeggedState, read_state
from sim.vector.context import Context
from sim.vector.task import TaskDefaults

SOFT_LIMIT = 0.9
"""Share of a joint's range, about its middle, that costs nothing."""
TASK_TERMS = ("track_linear_velocity", "track_yaw_rate")
"""What the robot is for; all other terms say how. Their weighted sum is kept in ``memory["task_reward"]``."""
STATE = "legged_state"
"""Key in ``Context.derived``."""
CONTACT_FORCE = 1.0
"""A foot that carries more than this counts as on the ground [N]."""


class VelocityTask(TaskDefaults):
    """Follow velocity commands with a legged robot.

    Args:
        robot: which robot.
        config: task settings.
        randomization: ranges of physical parameters, drawn once per world; None gives every world the nominal model.
        ground: adds the ground to the model; flat by default.

    Attributes:
        sampled: what was drawn for each world; empty without randomisation.
    """

    def __init__(
        self,
        robot: LeggedRobot,
        config: VelocityConfig | None = None,
        randomization: ModelRandomization | None = None,
        ground: Ground = add_floor,
    ) -> None:
        self.robot = robot
        self.cfg = config if config is not None else VelocityConfig()
        self.randomization = randomization
        self.model = build_model(robot, self.cfg, ground)
        self.layout = sensor_layout(robot)
        self.decimation = self.cfg.decimation
        self.external_forces = self.cfg.external_forces
        self.max_episode_length = round(self.cfg.episode_s / self.cfg.step_dt)
        joints = len(robot.joints)
        self.action_low = np.full(joints, -self.cfg.action_clip, dtype=np.float32)
        self.action_high = np.full(joints, self.cfg.action_clip, dtype=np.float32)
        self._actor = observations.actor_size(joints)
        self._critic = self._actor + 3 + 1 + len(robot.feet)
        self.observation_groups = {"policy": self._actor, "critic": self._critic}
        self.sampled: Sampled = {}
        middle, half = robot.position_limits.mean(axis=1), np.ptp(robot.position_limits, axis=1) / 2
        self._soft_limits = np.stack([middle - SOFT_LIMIT * half, middle + SOFT_LIMIT * half], axis=1)
        self._hips = np.array(robot.hips, dtype=np.intp)
        self._weights = self.cfg.rewards.terms()
        self._rates = self.cfg.step_dt * np.array(list(self._weights.values()) or [0.0])[:, None]
        self._sensing = Sensing(self.cfg, joints)
        law = self.cfg.actuator
        self._drives = None if law.kind == "servo" else Drives(law, robot.velocity_limits)
        self.substep_controls = self._drives is not None

    def models(self, num_worlds: int, rng: np.random.Generator) -> Sequence[mujoco.MjModel] | None:
        """Randomised models, or None to share the nominal one."""
        models: list[mujoco.MjModel] | None = None
        if self.randomization is not None:
            models, self.sampled = randomized_models(
                self.model, self.robot.base, self.randomization, num_worlds, rng, self.cfg.distinct_models
            )
        if self._drives is not None:
            models = models or [copy.copy(self.model)] * num_worlds
            self._drives.take_over(models)
        return models

    def drawn(self, context: Context) -> dict[str, NDArray[Any]]:
        """Every random value of the present episodes, first axis N: model parameters, delays, bias, command, push."""
        names = {
            "delay": "action_delay",
            "late": "observation_delay",
            "bias": "bias",
            "command": "command",
            "push": "push",
        }
        episode = {name: context.memory[key].copy() for key, name in names.items() if key in context.memory}
        return {**self.sampled, **episode}

    def memory(self, num_worlds: int) -> dict[str, NDArray[Any]]:
        """Commands and counters of every world."""
        feet, joints = len(self.robot.feet), len(self.robot.joints)
        drives = {} if self._drives is None else self._drives.memory(num_worlds, joints)
        return {
            **drives,
            **self._sensing.memory(num_worlds),
            "push": np.zeros((num_worlds, 6)),
            "command": np.zeros((num_worlds, 3), dtype=np.float32),
            "command_left": np.zeros(num_worlds, dtype=np.int64),
            "push_left": np.zeros(num_worlds, dtype=np.int64),
            "delay": np.zeros(num_worlds, dtype=np.int64),
            "task_reward": np.zeros(num_worlds),
            "air_time": np.zeros((num_worlds, feet)),
            "swing": np.zeros((num_worlds, feet)),
            "landed": np.zeros((num_worlds, feet), dtype=bool),
        }

    def reset(self, context: Context, ids: NDArray[np.int64]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """New start states, commands and countdowns."""
        memory, rng, count = context.memory, context.rng, len(ids)
        self._new_commands(context, ids)
        if self.cfg.pushes is not None:
            memory["push_left"][ids] = events.steps_until(self.cfg.pushes.every_s, self.cfg.step_dt, count, rng)
        memory["delay"][ids] = rng.integers(0, self.cfg.action_delay + 1, size=count)
        for name in ("air_time", "swing", "landed", "push", *(("errors", "speeds") if self._drives else ())):
            memory[name][ids] = 0
        self._sensing.reset(memory, ids, rng)
        return events.start_states(self.cfg.reset, self.robot.default_pose, self.robot.default_height, count, rng)

    def _new_commands(self, context: Context, ids: NDArray[np.int64]) -> None:
        context.memory["command"][ids] = commands.draw_commands(self.cfg.commands, len(ids), context.rng)
        context.memory["command_left"][ids] = round(self.cfg.commands.resample_s / self.cfg.step_dt)

    def controls(self, context: Context) -> NDArray[np.floating]:
        """Joint targets, or torques where a law makes them; with a delay the previous target holds for a while."""
        now = self._targets(context.actions)
        if self._drives is not None:
            return self._torques(context, now)
        if not self.cfg.action_delay:
            return now
        before = self._targets(context.previous_actions)
        return held_targets(now, before, context.memory["delay"], self.decimation)

    def _torques(self, context: Context, now: NDArray[np.floating]) -> NDArray[np.floating]:
        memory = context.memory
        late = memory["substep"] < memory["delay"]
        targets = np.where(late[:, None], self._targets(context.previous_actions), now)
        memory["substep"] += 1
        assert self._drives is not None
        return self._drives.torque(targets, context.qpos[:, 7:], context.qvel[:, 6:], memory)

    def _targets(self, actions: NDArray[np.float32]) -> NDArray[np.floating]:
        return self.robot.default_pose + self.robot.action_scale * self._clipped(actions)

    def _clipped(self, actions: NDArray[np.float32]) -> NDArray[np.float32]:
        clip = np.float32(self.cfg.action_clip)
        return np.minimum(np.maximum(actions, -clip), clip)  # np.clip takes three times as long on a batch

    def update(self, context: Context) -> None:
        """Feet: which landed, and how long they were in the air."""
        memory = context.memory
        self._sensing.advance(memory)
        if self._drives is not None:
            memory["substep"][:] = 0
        contact = context.sensordata[:, self.layout.foot_force] > CONTACT_FORCE
        memory["landed"][:] = contact & (memory["air_time"] > 0.0)
        memory["swing"][:] = memory["air_time"] + self.cfg.step_dt
        memory["air_time"][:] = np.where(contact, 0.0, memory["swing"])

    def read(self, context: Context) -> LeggedState:
        """The state as the terms see it, read once for terminations, rewards and, without resets, observations."""
        if STATE not in context.derived:
            context.derived[STATE] = self.read_now(context)
        state: LeggedState = context.derived[STATE]
        return state

    def read_now(self, context: Context) -> LeggedState:
        """The state from the batch's arrays."""
        return read_state(context.qpos, context.qvel, context.sensordata, self.layout)

    def terminations(self, context: Context) -> NDArray[np.bool_]:
        """Robots that fell."""
        return terminations.has_fallen(self.read(context), self.cfg.terminations)

    def rewards(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Weighted terms times the control step; ``floor`` lifts a negative sum to zero when so configured."""
        values = self.reward_values(context)
        rows = np.stack([values[name] for name in self._weights] or [np.zeros(len(context.qpos))])
        rows *= self._rates
        weighted: dict[str, NDArray[np.floating]] = dict(zip(self._weights, rows, strict=False))
        context.memory["task_reward"][:] = sum(weighted.get(name, 0.0) for name in TASK_TERMS)
        if self.cfg.rewards.positive:
            weighted["floor"] = -np.minimum(rows.sum(axis=0), 0.0)
        return weighted

    def reward_values(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """Every term of ``rewards``, unweighted."""
        s, memory, cfg = self.read(context), context.memory, self.cfg
        command, sigma = memory["command"], cfg.rewards.tracking_sigma
        offset = s.joint_position - self.robot.default_pose
        contact = s.foot_force > CONTACT_FORCE
        before = context.previous_qvel[:, 6:]
        return {
            "track_linear_velocity": rewards.track_linear_velocity(s.linear_velocity, command, sigma),
            "track_yaw_rate": rewards.track_yaw_rate(s.angular_velocity, command, sigma),
            "progress": rewards.progress(s.linear_velocity, command),
            "turn_progress": rewards.turn_progress(s.angular_velocity, command),
            "vertical_velocity": rewards.vertical_velocity(s.linear_velocity),
            "roll_pitch_rate": rewards.roll_pitch_rate(s.angular_velocity),
            "tilt": rewards.tilt(s.gravity),
            "base_height": rewards.base_height(s.height, cfg.base_height),
            "torque": rewards.torque(s.torque),
            "joint_acceleration": rewards.joint_acceleration(s.joint_velocity, before, cfg.step_dt),
            "action_rate": rewards.action_rate(context.actions, context.previous_actions),
            "joint_limits": rewards.joint_limits(s.joint_position, self._soft_limits),
            "air_time": rewards.air_time(memory["landed"], memory["swing"], cfg.air_time, command),
            "foot_slip": rewards.foot_slip(s.foot_velocity, contact),
            "leg_contact": rewards.leg_contact(s.leg_force),
            "hip_posture": rewards.hip_posture(offset, self._hips),
            "stand_still": rewards.stand_still(offset, command),
        }

    def events(self, context: Context) -> NDArray[np.int64] | None:
        """Commands whose time is up are drawn anew; robots whose time is up are pushed."""
        memory = context.memory
        renewed = events.due(memory["command_left"])
        if len(renewed):
            self._new_commands(context, renewed)
        push = self.cfg.pushes
        if push is None:
            return None
        pushed = events.due(memory["push_left"])
        if len(pushed):
            memory["push_left"][pushed] = events.steps_until(push.every_s, self.cfg.step_dt, len(pushed), context.rng)
            memory["push"][pushed] = events.kick(push.linear, push.angular, len(pushed), context.rng)
            context.qvel[pushed, :6] += memory["push"][pushed]
        return pushed

    def observations(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """``policy``: what a robot measures, with noise; ``critic``: the same without, and privileged terms."""
        s = self.read(context)
        cfg = self.cfg
        critic = np.empty((len(s.height), self._critic), dtype=np.float32)
        observations.actor_observation(
            s.angular_velocity,
            s.gravity,
            context.memory["command"],
            s.joint_position - self.robot.default_pose,
            s.joint_velocity,
            self._clipped(context.actions),
            cfg.scales,
            out=critic[:, : self._actor],
        )
        actor = self._sensing.measure(critic[:, : self._actor], context.memory, context.rng)
        critic[:, self._actor : self._actor + 3] = s.linear_velocity * cfg.scales.linear_velocity
        critic[:, self._actor + 3] = 10.0 * (s.height - cfg.base_height)
        critic[:, self._actor + 4 :] = s.foot_force > CONTACT_FORCE
        return {"policy": actor, "critic": critic}

    def mirrors(self) -> tuple[dict[str, Mirror], Mirror]:
        """Left-right symmetry of each observation group, and of the action."""
        robot = self.robot
        joint = mirror.joints(robot.joints, robot.mirrored, robot.flipped)
        feet = mirror.joints(robot.feet, robot.mirrored, ())
        same = mirror.Mirror(np.arange(1), np.ones(1, dtype=np.float32))
        actor = mirror.actor_mirror(joint)
        return {"policy": actor, "critic": mirror.concatenate(actor, mirror.polar(), same, feet)}, joint

    def log(self, context: Context) -> dict[str, float]:
        """Share of the ended episodes that ended in a fall."""
        return {"fall_rate": float(np.mean(context.terminated))}
