"""The measured page of the documentation, made from what the benchmark and ``keel evaluate --detect`` have written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from training.monitors.benchmark.summary import Outcome, summary_table

RESULTS, TABLE, COVERAGE, DETECTION = "results.json", "table.md", "coverage.md", "detection.md"
TRACES, CHOICE = "traces.png", "choice.md"
HEAD = """# Failure prediction, measured task by task

Written by `python benchmarks/failure_prediction.py --summary --page docs/failure_prediction_tasks.md`; what the columns
and methods mean is said in [failure_prediction.md](failure_prediction.md#measured). Every second rollout of each cause
tests. "Ours" is `mahalanobis AND stac_floor`, chosen on the other half of the MetaWorld rollouts; "chosen" is what the
other half of the task's own rollouts chose, as `keel calibrate --choose` does. "Released" is FIPER's released
evaluation with its quirks: thresholds from the training rollouts, windows and style chosen on the test set.
Intervals are 95 %.
"""


def outcomes_in(folder: Path) -> dict[Path, Outcome]:
    """Results of every task's directory below ``folder``."""
    paths = sorted(folder.glob(f"*/{RESULTS}"))
    return {path.parent: Outcome(**json.loads(path.read_text())["outcome"]) for path in paths}


def page(folder: Path, images: Path) -> str:
    """Markdown of the whole page; a part that was not run is left out.

    Args:
        folder: results, a directory per task.
        images: directory beside the page; the plots of score traces are copied into it.
    """
    found = outcomes_in(folder)
    parts = [HEAD]
    if found:
        parts += ["## Side by side", summary_table(list(found.values()))]
    if (folder / CHOICE).exists():
        parts += ["## Candidates on the rollouts that choose", (folder / CHOICE).read_text().strip()]
    for where in sorted(path for path in folder.iterdir() if path.is_dir()):
        texts = {name: where / name for name in (TABLE, COVERAGE, DETECTION) if (where / name).exists()}
        if not texts:
            continue
        parts.append(f"## {found[where].task if where in found else where.name}")
        if TABLE in texts:
            parts += ["### Methods on the same rollouts", texts[TABLE].read_text().strip()]
        if (where / TRACES).exists():
            parts.append(_picture(where, images))
        if COVERAGE in texts:
            parts += ["### Realised false alarms, resampled calibration sets", texts[COVERAGE].read_text().strip()]
        if DETECTION in texts:
            parts += ["### Closed loop: `keel evaluate --detect --react`", texts[DETECTION].read_text().strip()]
    return "\n\n".join(parts) + "\n"


def _picture(where: Path, images: Path) -> str:
    """Copy a task's plot and say what it shows."""
    images.mkdir(parents=True, exist_ok=True)
    name = f"failure_prediction_{where.name}.png"
    shutil.copyfile(where / TRACES, images / name)
    what = "Windowed scores over their thresholds against time from the onset, by cause; blue: success, orange: failure"
    return f"![{what}]({images.name}/{name})"
