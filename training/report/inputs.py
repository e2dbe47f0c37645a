"""Collect whatever a run directory holds; a file that is not there is None, one that is damaged is an error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policy_nodes.bundle.hashing import manifest_digest
from policy_nodes.bundle.limits import CALIBRATION_NAME, MANIFEST_NAME, POLICY_NAME
from policy_nodes.bundle.manifest import Manifest
from policy_nodes.bundle.strict_json import parse_json_object
from training.report.arrays import Series, Trace, read_scores, read_trace
from training.report.files import ReportError, npz_meta, read_json, read_jsonl, read_npz
from training.report.schema import Campaign, Evaluation, LiveRun, TrainingPoint

_EXPORT_FIX = "export it again with 'keel export', or copy the whole bundle directory."


@dataclass(frozen=True)
class BundleInput:
    """A policy bundle as far as the report needs it.

    Attributes:
        path: the ``.keel`` directory.
        manifest: its contract.
        calibration: the ``meta`` object of ``calibration.npz``; None when the bundle was not calibrated.
    """

    path: Path
    manifest: Manifest
    calibration: dict[str, Any] | None

    @property
    def policy_sha256(self) -> str:
        """Digest of the policy graph according to the manifest; empty when it lists none."""
        return self.manifest.files.get(POLICY_NAME, "")


@dataclass(frozen=True)
class RunInputs:
    """Everything that can be reported about one run directory."""

    directory: Path
    bundle: BundleInput | None = None
    training: list[TrainingPoint] | None = None
    evaluation: Evaluation | None = None
    scores: list[dict[str, Series]] | None = None
    rollouts: tuple[Path, ...] = ()
    live: LiveRun | None = None
    trace: Trace | None = None
    clips: tuple[Path, ...] = ()
    campaign: Campaign | None = None

    @property
    def empty(self) -> bool:
        """Nothing at all was found."""
        recorded = (self.training, self.evaluation, self.live, self.trace, self.rollouts, self.clips, self.campaign)
        return not any((self.bundle, *recorded))


def load_bundle(path: Path) -> BundleInput:
    """Read the manifest and the calibration summary of a bundle; file hashes are the business of ``keel verify``.

    Raises:
        ReportError: the manifest is missing, damaged or was edited after export, or the calibration is damaged.
    """
    manifest_path = path / MANIFEST_NAME
    manifest = read_json(manifest_path, Manifest, _EXPORT_FIX)
    if manifest_digest(parse_json_object(manifest_path.read_bytes())) != manifest.digest:
        raise ReportError(f"{manifest_path}: its content does not match its digest; it was edited.", _EXPORT_FIX)
    calibration_path = path / CALIBRATION_NAME
    calibration = None
    if calibration_path.is_file():
        fix = "calibrate again with 'keel calibrate'."
        calibration = npz_meta(read_npz(calibration_path, fix), calibration_path, fix)
    return BundleInput(path, manifest, calibration)


def _find_bundle(directory: Path, wanted: str) -> Path | None:
    found = sorted(path for path in directory.glob("*.keel") if path.is_dir())
    if len(found) <= 1:
        return found[0] if found else None
    named = [path for path in found if path.name == Path(wanted).name]
    if len(named) == 1:
        return named[0]
    raise ReportError(
        f"{directory} holds {len(found)} bundles ({', '.join(path.name for path in found)}).",
        "keep the one to report on in the run directory and move the others away.",
    )


def load_inputs(directory: Path) -> RunInputs:
    """Read a run directory.

    Raises:
        ReportError: the directory is missing or holds nothing to report, or one of its files is damaged.
    """
    if not directory.is_dir():
        raise ReportError(
            f"{directory} is not a directory.", "pass the run directory that 'keel demo' or 'keel run' wrote."
        )
    metrics, evaluation_path = directory / "train/metrics.jsonl", directory / "evaluation/evaluation.json"
    scores_path, run_path, trace_path = (
        directory / name for name in ("evaluation/scores.npz", "run/run.json", "run/trace.npz")
    )
    evaluation = scores = None
    if evaluation_path.is_file():
        evaluation = read_json(evaluation_path, Evaluation, "evaluate again with 'keel evaluate'.")
        if scores_path.is_file():
            scores = read_scores(scores_path, len(evaluation.episodes))
    bundle = _find_bundle(directory, evaluation.bundle if evaluation else "")
    inputs = RunInputs(
        directory=directory,
        bundle=load_bundle(bundle) if bundle else None,
        training=read_jsonl(metrics, TrainingPoint, "train again, or delete the damaged line.")
        if metrics.is_file()
        else None,
        evaluation=evaluation,
        scores=scores,
        rollouts=tuple(sorted((directory / "evaluation").glob("rollout_*.webp"))),
        live=read_json(run_path, LiveRun, "record the run again with 'keel run'.") if run_path.is_file() else None,
        trace=read_trace(trace_path) if trace_path.is_file() else None,
        clips=tuple(sorted((directory / "run").glob("*.webp"))),
        campaign=read_json(campaign, Campaign, "run the campaign again with 'keel faults'.")
        if (campaign := directory / "faults/faults.json").is_file()
        else None,
    )
    if inputs.empty:
        raise ReportError(
            f"{directory} holds nothing to report: no *.keel bundle, no train/, evaluation/ or run/ records.",
            "run 'keel train', 'keel evaluate' or 'keel run' with this directory as output first.",
        )
    return inputs
