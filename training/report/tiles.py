"""The few numbers that matter, each with its condition, and plainly absent when it was not measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from training.report.inputs import RunInputs
from training.report.schema import Fault

Verdict = Literal["pass", "fail", "plain", "missing"]
NOT_MEASURED = "not measured in this run"
_ABBREVIATIONS = {"nan": "NaN", "rnd": "RND", "cpu": "CPU", "gpu": "GPU", "gb": "GB", "sha256": "SHA-256", "ros": "ROS"}


@dataclass(frozen=True)
class Tile:
    """One headline figure: a title, a value, what it is measured against, and whether that is met."""

    title: str
    value: str
    detail: str
    verdict: Verdict = "plain"
    judged: str = ""
    """What the verdict compares, for example "within budget"; empty without a verdict."""


def _missing(title: str) -> Tile:
    return Tile(title, "—", NOT_MEASURED, "missing")


def _judge(tile: Tile, passed: bool, limit: str = "") -> Tile:
    """The tile with a verdict: against a named limit, or by the criteria of the run itself."""
    if limit:
        text = f"✓ within {limit}" if passed else f"✗ over {limit}"
    else:
        text = "✓ passed" if passed else "✗ failed"
    return replace(tile, verdict="pass" if passed else "fail", judged=text)


def success_tile(inputs: RunInputs) -> Tile:
    """Closed-loop success with its interval; there is no threshold, so no verdict."""
    title, evaluation = "Task success", inputs.evaluation
    if evaluation is None:
        return _missing(title)
    total, (low, high) = len(evaluation.episodes), evaluation.interval
    detail = (
        f"{evaluation.successes} of {total} episodes · {100 * evaluation.confidence:.0f} % interval "
        f"{100 * low:.1f}–{100 * high:.1f} %"
    )
    return Tile(title, f"{100 * evaluation.successes / total:.1f} %", detail)


def live_tile(inputs: RunInputs) -> Tile:
    """Episodes completed over the nodes."""
    title, live = "Episodes over ROS 2", inputs.live
    if live is None or not live.episodes:
        return _missing(title)
    done = sum(episode.success for episode in live.episodes)
    return Tile(title, f"{done} / {len(live.episodes)}", f"succeeded · {live.stack}" if live.stack else "succeeded")


def parity_tile(inputs: RunInputs) -> Tile:
    """Largest difference between the trained network and the exported graph."""
    title = "Export parity error"
    if inputs.bundle is None or not inputs.bundle.manifest.parity.max_abs_error:
        return _missing(title)
    parity = inputs.bundle.manifest.parity
    worst = max(parity.max_abs_error.values())
    detail = f"largest over {parity.samples} inputs · tolerance {parity.tolerance:.0e}"
    return _judge(Tile(title, f"{worst:.1e}", detail), worst <= parity.tolerance, "tolerance")


def inference_tile(inputs: RunInputs) -> Tile:
    """Median and 99th percentile of one policy call against the contract's budget."""
    title, evaluation = "Inference p50 / p99", inputs.evaluation
    if evaluation is None or evaluation.inference_ms is None:
        return _missing(title)
    times = evaluation.inference_ms
    value = f"{times.p50:.2g} / {times.p99:.2g} ms"
    if inputs.bundle is None:
        return Tile(title, value, f"max {times.max:.3g} ms · no bundle, so no budget to compare with")
    budget = 1e3 * inputs.bundle.manifest.timing.inference_budget_s
    return _judge(Tile(title, value, f"max {times.max:.3g} ms · budget {budget:g} ms"), times.p99 <= budget, "budget")


def fault_tile(fault: Fault) -> Tile:
    """Reaction time to one injected fault; it passes when the run's own criteria passed."""
    title = f"Reaction: {words(fault.name)}"
    if fault.reaction_s is None:
        return _judge(Tile(title, "none", "no backup command followed"), fault.passed)
    periods = f" · {fault.reaction_periods:.1f} control periods" if fault.reaction_periods is not None else ""
    handed = f"to {words(fault.backup)}" if fault.backup else "to first backup command"
    return _judge(Tile(title, f"{1e3 * fault.reaction_s:.0f} ms", handed + periods), fault.passed)


def alarm_tile(inputs: RunInputs) -> Tile:
    """Successful evaluation episodes in which the failure predictor raised an alarm."""
    title, evaluation = "False alarms", inputs.evaluation
    if evaluation is None:
        return _missing(title)
    if inputs.scores is None and not any(episode.alarms for episode in evaluation.episodes):
        return Tile(title, "—", "no failure predictor in this evaluation", "missing")
    good = [episode for episode in evaluation.episodes if episode.success]
    alarmed = sum(episode.alarms > 0 for episode in good)
    bad = [episode for episode in evaluation.episodes if not episode.success]
    caught = f" · {sum(episode.alarms > 0 for episode in bad)} of {len(bad)} failures alarmed" if bad else ""
    return Tile(title, f"{alarmed} / {len(good)}", f"successful episodes with an alarm{caught}")


def words(name: str) -> str:
    """An identifier as plain words, with abbreviations as they are usually written."""
    return " ".join(_ABBREVIATIONS.get(word, word) for word in name.replace("_", " ").lower().split())


def headline(inputs: RunInputs) -> list[Tile]:
    """All tiles in reading order."""
    faults = [fault_tile(fault) for fault in inputs.live.faults] if inputs.live else []
    return [
        success_tile(inputs),
        live_tile(inputs),
        parity_tile(inputs),
        inference_tile(inputs),
        *(faults or [_missing("Fault reactions")]),
        alarm_tile(inputs),
    ]
