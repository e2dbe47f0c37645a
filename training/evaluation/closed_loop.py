"""One episode of a bundle in simulation, through the code that runs on the robot.

Observation assembly, policy session, failure predictor and governor are the objects that the nodes use; only ROS and
the wall clock are missing. Inference takes no simulated time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import ConfigError
from policy_nodes.inference.actions import decode_chunk
from policy_nodes.inference.observation import Observation
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.reactive import ReactiveDecoder, observation_buffer
from policy_nodes.inference.stepwise import StepwiseSession
from policy_nodes.monitors.fiper import FiperMonitor
from policy_nodes.safety.chunks import ChunkForm
from policy_nodes.safety.config import load_safety_config
from policy_nodes.safety.governor import Decision, Governor
from policy_nodes.safety.supervisor import State
from policy_nodes.types import ActionChunk, JointSample
from training.evaluation.episode import Episode
from training.simulation import read_term
from training.suites.interface import TaskWorld

SECOND_NS = 1_000_000_000
START_NS = SECOND_NS
"""Simulated time of an episode's first tick."""
STOPPING = (State.BACKUP, State.STOPPED)
Frame = Callable[[Any, float], None]
"""Called every control tick with the world and the episode's time, to record video."""


def open_policy(bundle: Bundle, provider: str = "cpu", steps: int | None = None) -> PolicySession:
    """The policy's session on one thread: the whole sampler, or ``steps`` of it one at a time."""
    if steps is None:
        return PolicySession(bundle, provider=provider, threads=1)
    return StepwiseSession(bundle, provider, 1, steps=steps)


class ClosedLoop:
    """Runs episodes of a bundle.

    Raises:
        BundleError: ``steps`` without a step graph, or without a schedule for so many.
        ConfigError: more steps are to be executed than a chunk has.
        ProviderError: the execution provider cannot run here, or answers differently from the training framework.

    Args:
        bundle: verified bundle.
        world: simulated robot.
        monitor: calibrated failure predictor, or None.
        samples: chunks sampled per call for the monitor, as it was calibrated.
        react: whether alarms reach the governor, so that they stop the robot.
        record_samples: sample this many chunks at every call and keep them (for calibration); 0 keeps none.
        provider: execution provider.
        rest_s: how long a backup goes on after a stop, within the episode's time limit, so that its end is seen.
        execution_horizon: steps of a chunk that are executed before the next one is asked for; the bundle's by default.
        open_loop: of a slow-fast policy execute the plans as they are, without its fast decoder.
        steps: of the sampler, run one at a time through the bundle's step graph; None runs ``policy.onnx``.
    """

    def __init__(
        self,
        bundle: Bundle,
        world: TaskWorld,
        *,
        monitor: FiperMonitor | None = None,
        samples: int = 0,
        react: bool = True,
        record_samples: int = 0,
        provider: str = "cpu",
        rest_s: float = 0.0,
        execution_horizon: int | None = None,
        open_loop: bool = False,
        steps: int | None = None,
    ) -> None:
        self.bundle, self.world, self.monitor, self.react = bundle, world, monitor, react
        self.samples, self.record_samples, self.rest_s = samples, record_samples, rest_s
        self.session = open_policy(bundle, provider, steps)
        self.session.warm_up()
        self.reactive: ReactiveDecoder | None = None
        if bundle.manifest.policy.reactive is not None and not open_loop:
            self.reactive = ReactiveDecoder(bundle, provider)
            self.reactive.warm_up()
        self.safety = load_safety_config(bundle.file("safety.yaml"))
        actions, timing = bundle.manifest.actions, bundle.manifest.timing
        self.period_ns = round(SECOND_NS / timing.control_rate_hz)
        self.step_ns = round(actions.step_s * SECOND_NS)
        self.warm_ticks = self.safety.enable_clean_ticks + 2
        """Ticks before the robot is enabled."""
        executed = execution_horizon or actions.execution_horizon
        if not 1 <= executed <= actions.horizon:
            raise ConfigError(
                f"{executed} steps of a chunk cannot be executed.", f"execute 1 to {actions.horizon}, all it has."
            )
        self.replan_ticks = max(1, round(executed * self.step_ns / self.period_ns))

    def run(self, seed: int, max_seconds: float = 10.0, frame: Frame | None = None, settle_s: float = 0.0) -> Episode:
        """One episode from a seeded start, until success, failure, a stop or the time limit.

        Args:
            seed: of world and noise.
            max_seconds: time limit (simulated).
            frame: called every control tick.
            settle_s: how long the policy goes on after a success (retreat and rest), within the time limit.
        """
        after = {"success": settle_s, "stopped": self.rest_s}
        left: int | None = None
        self.world.reset(seed)
        self.buffer = observation_buffer(self.bundle.manifest)
        governor, episode, now = self._governor(), self._begin(seed), START_NS
        command, enabled = self.world.joint_state()[0], False
        while episode.steps < round(max_seconds * SECOND_NS / self.period_ns):
            self._observe(governor, now)
            self._think(episode, governor, now)
            self._react(governor, now)
            enabled = enabled or self._enable(episode, governor, now)
            if not enabled and episode.outcome == "stopped":
                break
            decision = governor.tick(now)
            command = command if decision.command is None else decision.command
            self.world.step(command)
            now += self.period_ns
            if enabled:
                episode.steps += 1
                if frame is not None:
                    frame(self.world, episode.steps * self.period_ns / SECOND_NS)
                if self._finished(episode, decision):
                    if left is None:
                        left = round(after.get(episode.outcome, 0.0) * SECOND_NS / self.period_ns)
                    if left == 0:
                        break
                    left -= 1
        episode.mode = str(getattr(self.world, "mode", str)())
        return episode

    def _begin(self, seed: int) -> Episode:
        """Forget the last episode."""
        self._rng = np.random.default_rng([seed, 2])
        if self.monitor is not None:
            self.monitor.reset()
        if self.reactive is not None:
            self.reactive.reset()
        return Episode(seed)

    def _think(self, episode: Episode, governor: Governor, now: int) -> None:
        """Plan once per execution horizon, counted from the tick that enables."""
        ticks = (now - START_NS) // self.period_ns - self.warm_ticks
        if ticks % self.replan_ticks == 0:
            self._plan(episode, self.buffer.assemble(now), governor, now, judge=ticks >= 0)

    def _hand_over(self, governor: Governor, now: int, chunk: ActionChunk, latent: NDArray[np.float32]) -> bool:
        """Give a plan to the fast decoder, or where there is none its chunk to the governor; whether it was taken."""
        if self.reactive is not None:
            return self.reactive.take(chunk.stamp_ns, latent[0])
        return governor.on_chunk(now, chunk) is None

    def _react(self, governor: Governor, now: int) -> None:
        """What the fast decoder makes of the newest plan and of what is felt now."""
        chunk = None if self.reactive is None else self.reactive.act(self.buffer, now)
        if chunk is not None:
            governor.on_chunk(now, chunk)

    def _enable(self, episode: Episode, governor: Governor, now: int) -> bool:
        """Enable as soon as the governor has seen enough clean ticks; a refusal ends the episode."""
        if (now - START_NS) // self.period_ns < self.warm_ticks:
            return False
        accepted, message = governor.enable(now, True)
        if not accepted:
            episode.outcome, episode.stopped_by = "stopped", message
        return accepted

    def _governor(self) -> Governor:
        manifest = self.bundle.manifest
        return Governor(
            self.safety,
            manifest.actions.joints,
            manifest.terms,
            control_period_s=self.period_ns / SECOND_NS,
            chunk_period_s=self.replan_ticks * self.period_ns / SECOND_NS,
            monitor_required=False,
            chunk_form=ChunkForm.of(manifest.actions),
        )

    def _observe(self, governor: Governor, now: int) -> None:
        for term in self.bundle.manifest.terms:
            value = read_term(self.world, term)
            self.buffer.push(term.name, now, value)
            governor.on_observation(now, term.name, now, value)
        position, velocity, _ = self.world.joint_state()
        governor.on_joint_state(now, JointSample(now, position, velocity))

    def _plan(self, episode: Episode, observation: Observation, governor: Governor, now: int, judge: bool) -> None:
        rng = self._rng
        output = self.session.sample(observation.values, rng=rng)
        episode.inference_ms.append(output.seconds * 1e3)
        commands = decode_chunk(self.bundle.manifest.actions, output.chunk[0])
        chunk = ActionChunk(observation.stamp_ns, self.step_ns, commands, sequence=observation.stamp_ns)
        self._hand_over(governor, now, chunk, output.latent)
        if not judge:
            return
        if self.record_samples > 0:
            batch = self.session.sample(observation.values, rng=rng, batch=self.record_samples)
            episode.calls.append((batch.embedding[0], batch.chunk.astype(np.float32)))
        if self.monitor is not None:
            batch = self.session.sample(observation.values, rng=rng, batch=self.samples)
            alarm = self.monitor.step(batch.chunk, batch.embedding[0], observation.stamp_ns)
            episode.score_time.append(episode.steps * self.period_ns / SECOND_NS)
            for name, score in alarm.scores.items():
                episode.scores.setdefault(name, []).append(score)
            if self.react:
                governor.on_alarm(now, alarm)

    def _finished(self, episode: Episode, decision: Decision) -> bool:
        if episode.outcome in ("success", "stopped"):
            return True
        if decision.state in STOPPING:
            episode.outcome = "stopped"
            episode.stopped_by = decision.reason.name if decision.reason else "unknown"
            episode.stopped_s = episode.steps * self.period_ns / SECOND_NS
        elif self.world.success():
            episode.success, episode.outcome = True, "success"
        elif self.world.failed():
            episode.outcome = "failed"
        return episode.outcome != "timeout"
