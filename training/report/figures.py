"""Which figures and clips a run supports, rendered for the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from markupsafe import Markup

from training.report.files import read_json
from training.report.inputs import RunInputs
from training.report.media import Clip, read_clip, share_budget
from training.report.plots.fault import fault_plot
from training.report.plots.latency import latency_histogram
from training.report.plots.scores import score_traces
from training.report.plots.timeline import run_timeline
from training.report.plots.training_curve import training_curve
from training.report.schema import Fault, Rollout
from training.report.signals import standstill_s
from training.report.svg import plot
from training.report.tiles import words

CLIP_BUDGET_BYTES = 3_000_000
"""All inlined animations together; base64 adds a third."""
MAX_ROLLOUTS = 3


@dataclass(frozen=True)
class Shown:
    """A clip with its caption."""

    caption: str
    clip: Clip


@dataclass(frozen=True)
class FaultSection:
    """Everything about one fault."""

    fault: Fault
    figure: Markup | None
    clip: Clip | None
    standstill_s: float | None


@dataclass(frozen=True)
class Figures:
    """Rendered figures by section; None where the run lacks the data."""

    training: Markup | None = None
    latency: Markup | None = None
    scores: Markup | None = None
    timeline: Markup | None = None
    faults: list[FaultSection] = field(default_factory=list)
    rollouts: list[Shown] = field(default_factory=list)
    live: list[Shown] = field(default_factory=list)


def joint_units(inputs: RunInputs) -> dict[str, str]:
    """Unit of each commanded joint's position according to the contract; empty without a bundle."""
    if inputs.bundle is None:
        return {}
    terms = inputs.bundle.manifest.actions.terms
    return {joint: unit for term in terms for joint, unit in zip(term.joints, term.unit, strict=True)}


def _details(path: Path) -> Rollout:
    beside = path.with_suffix(".json")
    return read_json(beside, Rollout, "delete it or evaluate again.") if beside.is_file() else Rollout()


def _choose_rollouts(paths: tuple[Path, ...]) -> list[tuple[Path, Rollout]]:
    """A few rollouts, failures first, because they say most."""
    found = sorted(((path, _details(path)) for path in paths), key=lambda pair: pair[1].success is not False)
    return found[:MAX_ROLLOUTS]


def _caption(path: Path, details: Rollout) -> str:
    outcome = {True: "success", False: "failure", None: "outcome not recorded"}[details.success]
    return f"Evaluation seed {path.stem.removeprefix('rollout_') if details.seed is None else details.seed}: {outcome}"


def _fault_clip(inputs: RunInputs, fault: Fault) -> Path:
    return inputs.directory / "run" / f"fault_{fault.name}.webp"


def _clips(inputs: RunInputs, rollouts: list[tuple[Path, Rollout]]) -> dict[Path, Clip]:
    """Every clip that is shown; frames of a fault clip are timed from the injection when their run times are known."""
    paths = [*inputs.clips, *(path for path, _ in rollouts)]
    allowed = share_budget([path.stat().st_size for path in paths], CLIP_BUDGET_BYTES)
    times = {path: details.frames for path, details in rollouts} | {
        path: _details(path).frames for path in inputs.clips
    }
    for fault in inputs.live.faults if inputs.live else []:
        path = _fault_clip(inputs, fault)
        times[path] = [frame - fault.t_injected for frame in times.get(path, [])]
    return {path: read_clip(path, budget, times.get(path, ())) for path, budget in zip(paths, allowed, strict=True)}


def _fault(inputs: RunInputs, fault: Fault, number: int, clips: dict[Path, Clip]) -> FaultSection:
    live, trace = inputs.live, inputs.trace
    assert live is not None
    figure = None
    if trace is not None or live.events:
        draw = partial(fault_plot, live, trace, fault, joint_units(inputs))
        figure = plot(draw, f"Signals around the fault {words(fault.name)}", f"fault{number}")
    rest = None
    if trace is not None and trace.velocity is not None and fault.t_first_backup_command is not None:
        # The next fault's motion is not this fault's stop.
        later = [other.t_injected for other in live.faults if other.t_injected > fault.t_injected]
        leave = [
            event.t
            for event in live.events
            if event.t > fault.t_first_backup_command and event.state.upper() in ("READY", "ACTIVE")
        ]
        # Stop short of the reset: a sampled velocity there already belongs to the next motion.
        until = min([*later, *leave, trace.end_s]) - 0.05
        rest = standstill_s(trace.velocity, fault.t_first_backup_command, until)
    return FaultSection(fault, figure, clips.get(_fault_clip(inputs, fault)), rest)


def build_figures(inputs: RunInputs) -> Figures:
    """Draw everything that the run directory has data for.

    Raises:
        ReportError: a clip is damaged.
    """
    evaluation, live, trace = inputs.evaluation, inputs.live, inputs.trace
    training = latency = scores = timeline = None
    if inputs.training:
        training = plot(partial(training_curve, inputs.training), "Loss over optimiser steps", "training")
    if evaluation and evaluation.inference_histogram_ms and sum(evaluation.inference_histogram_ms.counts):
        budget = 1e3 * inputs.bundle.manifest.timing.inference_budget_s if inputs.bundle else None
        draw = partial(latency_histogram, evaluation.inference_histogram_ms, evaluation.inference_ms, budget)
        latency = plot(draw, "Histogram of inference time", "latency")
    if evaluation and inputs.scores and any(inputs.scores):
        success = [episode.success for episode in evaluation.episodes]
        scores = plot(partial(score_traces, inputs.scores, success), "Failure scores over episode time", "scores")
    if live and (live.events or trace is not None):
        draw = partial(run_timeline, live, trace, joint_units(inputs))
        timeline = plot(draw, "Supervisor states and signals over the live run", "timeline")
    rollouts = _choose_rollouts(inputs.rollouts)
    clips = _clips(inputs, rollouts)
    faults = [_fault(inputs, fault, index, clips) for index, fault in enumerate(live.faults)] if live else []
    claimed = {f"fault_{fault.name}" for fault in live.faults} if live else set()
    return Figures(
        training=training,
        latency=latency,
        scores=scores,
        timeline=timeline,
        faults=faults,
        rollouts=[Shown(_caption(path, details), clips[path]) for path, details in rollouts],
        live=[Shown(words(path.stem), clips[path]) for path in inputs.clips if path.stem not in claimed],
    )
