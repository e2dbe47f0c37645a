"""What ``keel train``, ``keel evaluate`` and ``keel run`` leave behind, as far as the report reads it.

Times are seconds; in ``run.json`` they count from the start of the run. Unknown keys are ignored so that a recorder may
say more than this page shows. A key that is present must have the right type: nothing is guessed.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Record(BaseModel):
    """Base: immutable, finite numbers only."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class TrainingPoint(Record):
    """One line of ``train/metrics.jsonl``."""

    step: int = Field(ge=0)
    loss: float
    validation_loss: float | None = None
    seconds: float = Field(default=0.0, ge=0)


class EvaluationEpisode(Record):
    """One closed-loop episode through the bundle."""

    seed: int
    success: bool
    steps: int = Field(default=0, ge=0)
    duration_s: float = Field(default=0.0, ge=0)
    outcome: str = ""
    alarms: int = Field(default=0, ge=0)
    first_alarm_s: float | None = None
    stopped_by: str | None = None


class Histogram(Record):
    """Counts between consecutive edges, milliseconds."""

    edges: list[float]
    counts: list[int]

    @model_validator(mode="after")
    def _consistent(self) -> Histogram:
        if len(self.edges) != len(self.counts) + 1:
            raise ValueError(f"{len(self.edges)} edges do not fit {len(self.counts)} counts")
        if any(high <= low for low, high in zip(self.edges[:-1], self.edges[1:], strict=True)):
            raise ValueError("edges do not increase")
        if any(count < 0 for count in self.counts):
            raise ValueError("a count is negative")
        return self


class InferenceTimes(Record):
    """Percentiles of one policy call, milliseconds."""

    p50: float
    p99: float
    max: float


class Evaluation(Record):
    """``evaluation/evaluation.json``."""

    bundle: str = ""
    policy_sha256: str = ""
    task: str = ""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    episodes: list[EvaluationEpisode] = Field(min_length=1)
    successes: int = Field(ge=0)
    interval: tuple[float, float]
    inference_ms: InferenceTimes | None = None
    inference_histogram_ms: Histogram | None = None
    machine: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Evaluation:
        counted = sum(episode.success for episode in self.episodes)
        if counted != self.successes:
            raise ValueError(f"'successes' says {self.successes} but {counted} episodes succeeded")
        low, high = self.interval
        if not 0 <= low <= counted / len(self.episodes) <= high <= 1:
            raise ValueError(f"interval [{low}, {high}] does not hold the success rate")
        return self


class RunEpisode(Record):
    """One task episode over the nodes."""

    index: int
    success: bool
    duration_s: float = Field(ge=0)
    t_start: float
    t_end: float


class Fault(Record):
    """One injected fault and what the safety node did. A moment that never came is null."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.\-]{1,80}$")
    description: str = ""
    t_injected: float
    t_observable: float | None = None
    t_detected: float | None = None
    t_first_backup_command: float | None = None
    reaction_s: float | None = None
    reaction_periods: float | None = None
    reason: str | None = None
    backup: str | None = None
    stop_category: int | str | None = None
    final_state: str | None = None
    max_joint_speed_after_s: float | None = None
    stop_distance_rad: float | None = None
    recovered: bool | None = None
    passed: bool


class SafetyEvent(Record):
    """The supervisor entered ``state`` at ``t``."""

    t: float
    state: str
    reason: str | None = None
    backup: str | None = None


class LoopTiming(Record):
    """Loop histogram of one node, microseconds."""

    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float
    overruns: int = Field(ge=0)
    ticks: int = Field(ge=0)


class LiveRun(Record):
    """``run/run.json``."""

    stack: str = ""
    domain: int | None = None
    control_period_s: float | None = Field(default=None, gt=0)
    episodes: list[RunEpisode] = Field(default_factory=list)
    faults: list[Fault] = Field(default_factory=list)
    events: list[SafetyEvent] = Field(default_factory=list)
    loops: dict[str, LoopTiming] = Field(default_factory=dict)


class TrialSeen(Record):
    """What was seen of one trial of the fault campaign."""

    detected_s: float | None = None
    state: str = ""
    reason: str = ""
    backup: str = ""
    recovered: bool = True
    category: int | None = None
    limit_use: dict[str, float] | None = None


class Trial(Record):
    """One cell of the campaign's matrix."""

    case: str
    phase: str
    passed: bool
    problems: list[str] = Field(default_factory=list)
    expected: str = ""
    reaction_periods: float | None = None
    seen: TrialSeen
    carried_out: bool = True
    attempts: int = 1
    notes: list[str] = Field(default_factory=list)


class Campaign(Record):
    """``faults/faults.json`` of ``keel faults``."""

    bundle: str = ""
    mode: str = ""
    period_s: float = Field(gt=0)
    allowed_periods: float = Field(gt=0)
    conditions: str = ""
    scheduling: str = ""
    load_at_end: str = ""
    verdicts: list[Trial]


class Rollout(Record):
    """The ``.json`` beside a clip: what it shows."""

    seed: int | None = None
    success: bool | None = None
    frames: list[float] = Field(default_factory=list)
    """Time of each frame, s: of the episode for a rollout, of the run for a clip of the run."""
