"""The first ticks on a robot: does what it sends fit the contract? Answered before the policy is enabled.

A bundle can be intact and the robot another one: joints under other names, a driver at a third of the rate, degrees
for radians, an accelerometer in g, a pose the policy was never trained from. Each of these is visible in the first
second of messages, while the robot still stands. Pure: samples and time come as arguments.

Source of the conditions on pose and tilt: the deployment convention of legged policies (enter only near the default
pose and upright), as in the state machines of rl_sar and unitree_rl_gym.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from policy_nodes.bundle.compare import check_robot
from policy_nodes.bundle.manifest import ImageFeature, Manifest, ObservationTerm
from policy_nodes.errors import KeelError
from policy_nodes.inference.messages import projected_gravity

GRAVITY = 9.80665
"""Standard gravity, m/s^2."""
MAX_SAMPLES = 10_000

Verdict = Literal["checking", "passed", "failed"]


@dataclass(frozen=True)
class FirstTicksConfig:
    """What is asked of the first ticks.

    Attributes:
        window_s: how long the robot is watched, s.
        min_samples: of every term before anything is judged.
        timeout_s: a term that has not sent ``min_samples`` by then is a finding, s.
        rate_slack: how much slower than the history's spacing a topic may be; 1.25 allows a quarter.
        gravity_tolerance: of the mean accelerometer norm, m/s^2.
        unit_tolerance: of the norm of a direction or quaternion.
        max_tilt: largest angle between body and vertical, rad; None does not ask (arms may hang from a ceiling).
        pose_tolerance: largest distance of a joint from the default pose, rad or m.
    """

    window_s: float = 0.5
    min_samples: int = 5
    timeout_s: float = 3.0
    rate_slack: float = 1.25
    gravity_tolerance: float = 1.0
    unit_tolerance: float = 0.02
    max_tilt: float | None = None
    pose_tolerance: float = 0.3


@dataclass(frozen=True)
class Finding:
    """One thing that does not fit.

    Attributes:
        item: names, refused, silent, rate, delay, order, finite, range, flat, gravity, tilt or pose.
        term: observation or action term or camera at fault, empty for joint names.
        sentence: what was found, against what the contract says.
        fix: what to do about it.
    """

    item: str
    term: str
    sentence: str
    fix: str


class FirstTicksCheck:
    """Collects the first samples of every term and judges them once the window is full.

    Not thread-safe. Memory is bounded: at most ``MAX_SAMPLES`` samples per term are kept.

    Args:
        manifest: the contract.
        start_ns: when watching began, in the clock of ``verdict``.
        config: thresholds.
    """

    def __init__(self, manifest: Manifest, start_ns: int, config: FirstTicksConfig | None = None) -> None:
        self.config = config or FirstTicksConfig()
        self._manifest = manifest
        self._start_ns = start_ns
        # A term that may be silent (it has a fallback) proves nothing by its silence.
        self._terms = {term.name: term for term in manifest.terms if term.fallback is None}
        self._optional = {term.name for term in manifest.terms if term.fallback is not None}
        self._spacing = {
            term.name: feature.history_step_s if feature.history > 1 else None
            for feature in manifest.observations
            for term in feature.terms
        }
        self._images = {image.name: image for image in manifest.images}
        self._spacing |= {i.name: i.history_step_s if i.history > 1 else None for i in manifest.images}
        self._sources: dict[str, ObservationTerm | ImageFeature] = {**self._terms, **self._images}
        self._flat: dict[str, bool] = dict.fromkeys(self._images, True)
        self._stamps: dict[str, list[int]] = {name: [] for name in self._sources}
        self._arrivals: dict[str, list[int]] = {name: [] for name in self._sources}
        self._values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in self._terms}
        self._names: set[str] | None = None
        self._repeated: list[str] = []
        self._refused: dict[str, tuple[int, KeelError]] = {}

    def on_joint_names(self, names: Sequence[str]) -> None:
        """Names of one live JointState; several publishers may share the topic, so names add up."""
        self._names = (self._names or set()) | set(names)
        self._repeated = [name for name in dict.fromkeys(names) if list(names).count(name) > 1]

    def on_refused(self, name: str, error: KeelError) -> None:
        """One message that could not be read as the contract says: another frame, size or encoding, a missing joint.

        Args:
            name: of the term or camera.
            error: why.
        """
        self._refused[name] = (self._refused.get(name, (0, error))[0] + 1, error)

    def on_sample(self, term: str, stamp_ns: int, arrival_ns: int, value: ArrayLike) -> None:
        """One raw sample of a term of the contract.

        Args:
            term: its name.
            stamp_ns: time of measurement; the arrival where the message has no header.
            arrival_ns: time at which it was received.
            value: (size,) in the term's order and unit.

        Raises:
            KeyError: the contract has no such term.
        """
        if term not in self._optional and len(self._stamps[term]) < MAX_SAMPLES:
            self._stamps[term].append(stamp_ns)
            self._arrivals[term].append(arrival_ns)
            self._values[term].append(np.array(value, dtype=np.float64).reshape(-1))

    def on_image(self, name: str, stamp_ns: int, arrival_ns: int, pixels: NDArray[np.uint8]) -> None:
        """One picture of a camera of the contract, of its size and encoding; see :meth:`on_sample`."""
        if len(self._stamps[name]) < MAX_SAMPLES:
            self._stamps[name].append(stamp_ns)
            self._arrivals[name].append(arrival_ns)
            self._flat[name] = self._flat[name] and bool((pixels == pixels.flat[0]).all())

    def verdict(self, now_ns: int) -> tuple[Verdict, tuple[Finding, ...]]:
        """The verdict and its reasons; reasons are given only with ``failed``.

        Args:
            now_ns: current time.
        """
        elapsed = (now_ns - self._start_ns) / 1e9
        waiting = [name for name, stamps in self._stamps.items() if len(stamps) < self.config.min_samples]
        if elapsed < self.config.window_s or (waiting and elapsed < self.config.timeout_s):
            return "checking", ()
        findings = self._check_names()
        told = {n for n, t in self._terms.items() if findings and t.message_type == "sensor_msgs/msg/JointState"}
        findings += [self._refusal(name) for name in self._refused if name not in told]
        told |= set(self._refused)
        findings += [self._silent(self._sources[name], elapsed) for name in waiting if name not in told]
        for name, source in self._sources.items():
            if name not in waiting:
                findings += self._check_times(source)
                findings += (
                    self._check_image(source) if isinstance(source, ImageFeature) else self._check_values(source)
                )
        findings += self._check_pose()
        return ("failed", tuple(findings)) if findings else ("passed", ())

    def _check_names(self) -> list[Finding]:
        if self._names is None:
            return []
        sentences = check_robot(self._manifest, [*sorted(self._names), *self._repeated])
        fix = "use a bundle for this robot, or rename its joints in the driver's configuration"
        return [Finding("names", "", sentence, fix) for sentence in sentences]

    def _refusal(self, name: str) -> Finding:
        count, error = self._refused[name]
        sentence = f"{count} messages do not fit the contract, the last one: {error.cause.rstrip('.')}"
        return Finding("refused", name, sentence, error.fix)

    def _silent(self, term: ObservationTerm | ImageFeature, elapsed: float) -> Finding:
        count = len(self._stamps[term.name])
        sentence = f"'{term.name}' arrived {count} times in {elapsed:.1f} s, {self.config.min_samples} are needed"
        return Finding("silent", term.name, sentence, f"check the publisher: ros2 topic hz {term.topic}")

    def _check_times(self, term: ObservationTerm | ImageFeature) -> list[Finding]:
        stamps, arrivals = np.array(self._stamps[term.name]), np.array(self._arrivals[term.name])
        steps = np.diff(stamps) / 1e9
        found = []
        if (steps <= 0).any():
            sentence = f"'{term.name}': {int((steps <= 0).sum())} of {steps.size} stamps do not follow the one before"
            found.append(Finding("order", term.name, sentence, f"check for two publishers of {term.topic}"))
        spacing = self._spacing[term.name]
        slowest = term.max_age_s if spacing is None else min(term.max_age_s, spacing * self.config.rate_slack)
        median, worst = float(np.median(steps)), float(steps.max())
        if median > slowest:
            why = (
                "its samples would be too old" if spacing is None else f"the history is spaced by {spacing * 1e3:g} ms"
            )
            rate = 1.0 / median if median > 0 else float("inf")
            sentence = f"'{term.name}' comes at {rate:.1f} Hz, at least {1.0 / slowest:.1f} Hz are needed: {why}"
            found.append(Finding("rate", term.name, sentence, f"raise the rate of {term.topic}"))
        elif worst > term.max_age_s:
            sentence = f"'{term.name}' paused for {worst * 1e3:.0f} ms, the limit is {term.max_age_s * 1e3:g} ms"
            found.append(Finding("rate", term.name, sentence, f"check {term.topic} for lost messages"))
        delay = float(np.median(arrivals - stamps)) / 1e9
        allowed = term.max_age_s
        if not -0.05 <= delay <= allowed:
            sentence = f"'{term.name}' arrives {delay * 1e3:.0f} ms after its stamp, {allowed * 1e3:g} ms are allowed"
            found.append(Finding("delay", term.name, sentence, "synchronise the clocks (chrony) of both machines"))
        return found

    def _check_image(self, image: ImageFeature) -> list[Finding]:
        if not self._flat[image.name]:
            return []
        sentence = f"every pixel of '{image.name}' has the same value"
        return [Finding("flat", image.name, sentence, f"check lens cap, exposure and driver behind {image.topic}")]

    def _check_values(self, term: ObservationTerm) -> list[Finding]:
        values = np.stack(self._values[term.name])
        if values.shape[1] != term.size:
            sentence = f"'{term.name}' has {values.shape[1]} elements, the contract {term.size}"
            return [Finding("range", term.name, sentence, f"publish {', '.join(term.axes[:8])}")]
        broken = np.flatnonzero(~np.isfinite(values).all(axis=0))
        if broken.size:
            names = ", ".join(term.axes[index] for index in broken)
            fix = f"check the sensor behind {term.topic}"
            return [Finding("finite", term.name, f"'{term.name}' is not finite at {names}", fix)]
        return [*self._ranges(term, values), *self._direction(term, values)]

    def _ranges(self, term: ObservationTerm, values: NDArray[np.float64]) -> list[Finding]:
        low, high = values.min(axis=0), values.max(axis=0)
        found = []
        for index in np.flatnonzero((low < np.array(term.minimum)) | (high > np.array(term.maximum))):
            seen = f"[{low[index]:.4g}, {high[index]:.4g}]"
            allowed = f"[{term.minimum[index]:g}, {term.maximum[index]:g}] {term.unit[index]}"
            sentence = f"'{term.name}' {term.axes[index]} is in {seen}, the contract says {allowed}"
            reach = max(abs(term.minimum[index]), abs(term.maximum[index]))
            degrees = term.unit[index] in ("rad", "rad/s") and max(-low[index], high[index]) > 3.0 * reach
            fix = "the driver seems to publish degrees" if degrees else "check joint, sign, zero and unit in the driver"
            found.append(Finding("range", term.name, sentence, fix))
        return found

    def _direction(self, term: ObservationTerm, values: NDArray[np.float64]) -> list[Finding]:
        """Norms that physics fixes, and the tilt they imply."""
        if term.field == "linear_acceleration":
            return self._accelerometer(term, values)
        if term.field not in ("projected_gravity", "orientation"):
            return []
        norms = np.linalg.norm(values, axis=1)
        worst = float(norms[np.argmax(np.abs(norms - 1.0))])
        if abs(worst - 1.0) > self.config.unit_tolerance:
            sentence = f"'{term.name}' has norm {worst:.3f} instead of 1"
            return [Finding("gravity", term.name, sentence, "publish a normalised orientation")]
        mean = values.mean(axis=0)
        down = np.array(projected_gravity(list(mean / np.linalg.norm(mean)))) if term.field == "orientation" else mean
        return self._tilt(term, float(np.arccos(np.clip(-down[2] / np.linalg.norm(down), -1.0, 1.0))))

    def _accelerometer(self, term: ObservationTerm, values: NDArray[np.float64]) -> list[Finding]:
        """At rest an accelerometer measures the reaction to gravity: norm g, along +z when upright."""
        mean = values.mean(axis=0)
        norm = float(np.linalg.norm(mean))
        if abs(norm - GRAVITY) > self.config.gravity_tolerance:
            hints = (
                (1.0, "the driver publishes g; multiply by 9.80665"),
                (0.0, "the driver removes gravity, or is dead"),
            )
            near = [hint for value, hint in hints if abs(norm - value) < 0.15]
            fix = near[0] if near else "the robot must stand still while it is checked; check the unit of the driver"
            sentence = f"'{term.name}' has a mean norm of {norm:.2f} m/s^2, gravity is {GRAVITY:.2f}"
            return [Finding("gravity", term.name, sentence, fix)]
        return self._tilt(term, float(np.arccos(np.clip(mean[2] / norm, -1.0, 1.0))))

    def _tilt(self, term: ObservationTerm, angle: float) -> list[Finding]:
        if self.config.max_tilt is None or angle <= self.config.max_tilt:
            return []
        sentence = f"by '{term.name}' the body is tilted by {angle:.2f} rad, {self.config.max_tilt:g} rad are allowed"
        return [Finding("tilt", term.name, sentence, "put the robot upright; check the mounting of the sensor")]

    def _check_pose(self) -> list[Finding]:
        """Distance from the default pose, for joints whose commands are relative to one."""
        position: dict[str, float] = {}
        for name, term in self._terms.items():
            if term.message_type == "sensor_msgs/msg/JointState" and term.field == "position" and self._values[name]:
                last = self._values[name][-1]
                position |= dict(zip(term.axes, last.tolist(), strict=True)) if last.size == term.size else {}
        found = []
        for action in self._manifest.actions.terms:
            if action.mode != "position" or not any(action.offset):  # zeros: the graph writes absolute targets
                continue
            for joint, default in zip(action.joints, action.offset, strict=True):
                distance = abs(position.get(joint, default) - default)
                if distance > self.config.pose_tolerance:
                    sentence = (
                        f"joint '{joint}' is at {position[joint]:.3f}, {distance:.3f} away from the default pose "
                        f"{default:.3f}; allowed are {self.config.pose_tolerance:g}"
                    )
                    found.append(Finding("pose", action.name, sentence, "move the robot to the default pose first"))
        return found
