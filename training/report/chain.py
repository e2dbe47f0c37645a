"""Provenance: each link of the chain with what identifies it, so that a number can be traced to its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from training.report.inputs import BundleInput, RunInputs
from training.report.tiles import NOT_MEASURED, words


@dataclass(frozen=True)
class Link:
    """One step of the chain: a title, a summary, and facts as (name, value); hashes are shown shortened."""

    title: str
    summary: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    present: bool = True


def _bundle_links(bundle: BundleInput) -> list[Link]:
    manifest = bundle.manifest
    source, policy = manifest.provenance, manifest.policy
    worst = max(manifest.parity.max_abs_error.values(), default=float("nan"))
    return [
        Link(
            "Dataset",
            manifest.task,
            [("robot", manifest.robot), ("data", source.dataset_sha256), ("statistics", source.statistics_sha256)],
        ),
        Link(
            "Training",
            f"{policy.family}, {source.training_steps:,} steps",
            [
                ("parameters", f"{policy.parameters:,}"),
                ("seed", str(source.seed)),
                ("config", source.config_sha256),
                ("commit", source.git_commit),
            ],
        ),
        Link(
            "Bundle",
            f"{bundle.path.name}",
            [
                ("sampler", f"{policy.sampler}, {policy.sampling_steps} steps"),
                ("parity", f"{worst:.1e} (≤ {manifest.parity.tolerance:.0e})"),
                ("policy.onnx", bundle.policy_sha256 or "not listed"),
                ("manifest", manifest.digest),
                ("exported", source.created[:19].replace("T", " ")),
            ],
        ),
    ]


_CALIBRATION_FACTS = {
    "n": "successful rollouts",
    "quantile": "quantile",
    "samples": "chunks per call",
    "disjoint": "disjoint from training",
    "policy_sha256": "policy.onnx",
}
"""Keys of the calibration's ``meta`` that are worth a line, and how they are called there."""


def _calibration_link(bundle: BundleInput | None) -> Link:
    if bundle is None or bundle.calibration is None:
        return Link("Failure predictor", "not calibrated in this run", present=False)
    meta = bundle.calibration
    facts = []
    for key, label in _CALIBRATION_FACTS.items():
        if key in meta:
            value = {True: "yes", False: "no"}[meta[key]] if isinstance(meta[key], bool) else str(meta[key])
            facts.append((label, value))
    signals = meta.get("signals")
    for signal in signals if isinstance(signals, list) else []:
        if isinstance(signal, dict) and isinstance(signal.get("threshold"), int | float):
            label = f"threshold {words(str(signal.get('name', '')))}"
            facts.append((label, f"{signal['threshold']:.4g}, window {signal.get('window', 1)}"))
    return Link("Failure predictor", f"{_predictor(meta)} calibrated on successes".strip(), facts)


def _predictor(meta: Mapping[str, Any]) -> str:
    """What a calibration is called: FIPER, or its scores and how they are combined."""
    signals, method = meta.get("signals"), str(meta.get("method", ""))
    names = [words(str(s.get("name", ""))) for s in signals if isinstance(s, dict)] if isinstance(signals, list) else []
    return f" {str(meta.get('combination', 'and')).upper()} ".join(names) if method == "scores" else method.upper()


def chain(inputs: RunInputs) -> list[Link]:
    """The links from data to live run; absent ones are marked as such."""
    if inputs.bundle is None:
        links = [Link("Bundle", "no *.keel bundle in this run directory", present=False)]
    else:
        links = _bundle_links(inputs.bundle)
    links.append(_calibration_link(inputs.bundle))
    evaluation, live = inputs.evaluation, inputs.live
    if evaluation is None:
        links.append(Link("Evaluation", NOT_MEASURED, present=False))
    else:
        seeds = [episode.seed for episode in evaluation.episodes]
        # The task is only worth a line when it is not the one that the bundle was trained for.
        other = evaluation.task if inputs.bundle is None or evaluation.task != inputs.bundle.manifest.task else ""
        facts = [("task", other), ("seeds", f"{min(seeds)}–{max(seeds)}"), ("policy.onnx", evaluation.policy_sha256)]
        summary = f"{evaluation.successes} of {len(seeds)} succeeded"
        links.append(Link("Evaluation", summary, [(name, value) for name, value in facts if value]))
    if live is None:
        links.append(Link("Live run", NOT_MEASURED, present=False))
    else:
        facts = [("stack", live.stack), ("domain", "" if live.domain is None else str(live.domain))]
        if live.control_period_s is not None:
            facts.append(("control", f"{1 / live.control_period_s:g} Hz"))
        summary = f"{len(live.episodes)} episodes, {len(live.faults)} faults"
        links.append(Link("Live run", summary, [(name, value) for name, value in facts if value]))
    return links


def versions(inputs: RunInputs) -> list[tuple[str, str]]:
    """Software versions recorded at export, Keel first."""
    if inputs.bundle is None:
        return []
    source = inputs.bundle.manifest.provenance
    return [("keel", source.keel_version), *sorted((k, v) for k, v in source.versions.items() if k != "keel")]
