"""The measured page of the documentation, made from what the benchmark and ``keel evaluate --detect`` have written."""

from __future__ import annotations

import json
from pathlib import Path

from training.monitors.benchmark.summary import Outcome, summary_table

RESULTS, TABLE, COVERAGE, DETECTION = "results.json", "table.md", "coverage.md", "detection.md"
HEAD = """# Failure prediction, measured task by task

Written by `python benchmarks/failure_prediction.py --summary --page docs/failure_prediction_tasks.md`; what the columns
and methods mean is said in [failure_prediction.md](failure_prediction.md#measured). "Ours" (`rnd OR stac_floor`) was
chosen on the Panda task and is only tested on the others. "Released" is FIPER's released evaluation with its quirks:
thresholds from the training rollouts, windows and style chosen on the test set. Intervals are 95 %.
"""


def outcomes_in(folder: Path) -> dict[Path, Outcome]:
    """Results of every task's directory below ``folder``."""
    paths = sorted(folder.glob(f"*/{RESULTS}"))
    return {path.parent: Outcome(**json.loads(path.read_text())["outcome"]) for path in paths}


def page(folder: Path) -> str:
    """Markdown of the whole page; a part that was not run is left out."""
    found = outcomes_in(folder)
    parts = [HEAD]
    if found:
        parts += ["## Side by side", summary_table(list(found.values()))]
    for where in sorted(path for path in folder.iterdir() if path.is_dir()):
        texts = {name: where / name for name in (TABLE, COVERAGE, DETECTION) if (where / name).exists()}
        if not texts:
            continue
        parts.append(f"## {found[where].task if where in found else where.name}")
        if TABLE in texts:
            parts += ["### Methods on the same rollouts", texts[TABLE].read_text().strip()]
        if COVERAGE in texts:
            parts += ["### Realised false alarms, resampled calibration sets", texts[COVERAGE].read_text().strip()]
        if DETECTION in texts:
            parts += ["### Closed loop: `keel evaluate --detect --react`", texts[DETECTION].read_text().strip()]
    return "\n\n".join(parts) + "\n"
