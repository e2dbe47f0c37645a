"""Which scores, windows and combination to recommend: by rollouts that test nothing.

Every candidate keeps the same promise to a rollout: AND gives each part the whole rate, OR shares it (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.metrics import DetectionMetrics, detection_metrics
from policy_nodes.monitors.stac import CUMULATIVE
from training.monitors.benchmark.compare import Method, traces, verdicts
from training.monitors.benchmark.methods import SINGLE
from training.monitors.benchmark.split import Parts

WINDOWS = (1, 2, 3, 5)


@dataclass(frozen=True)
class Choice:
    """A candidate and what it achieves on the choosing part of every task.

    Attributes:
        method: the candidate.
        metrics: task -> metrics.
    """

    method: Method
    metrics: Mapping[str, DetectionMetrics]

    def mean(self, name: str) -> float:
        """Of a metric over the tasks."""
        return float(np.mean([getattr(m, name) for m in self.metrics.values()]))


def candidates(
    q: float, names: Sequence[str] = SINGLE, windows: Sequence[int] = WINDOWS, largest: int = 3
) -> list[Method]:
    """Single scores, ANDs of two and ORs of up to ``largest``, one window for all, and ORs with the cumulative STAC."""
    found = []
    for window in windows:
        for size in range(1, largest + 1):
            for chosen in combinations(names, size):
                signals = tuple((name, window) for name in chosen)
                found.append(_or(signals, q))
                if size == 2:
                    found.append(Method(" AND ".join(chosen) + f", window {window}", signals, q))
        for chosen in combinations(names, largest - 1):
            found.append(_or((*((name, window) for name in chosen), ("stac", CUMULATIVE)), q))
    return found


def _or(signals: tuple[tuple[str, int], ...], q: float) -> Method:
    words = [name if window != CUMULATIVE else f"{name} (cumulative)" for name, window in signals]
    share = 1.0 - (1.0 - q) / len(signals)
    return Method(" OR ".join(words) + f", window {signals[0][1]}", signals, share, "or" if len(signals) > 1 else "and")


def rank(tasks: Mapping[str, Parts], methods: Sequence[Method], by: str = "timestep_accuracy") -> list[Choice]:
    """Candidates that every task's calibration supports, the best mean of ``by`` first.

    Args:
        tasks: by name.
        methods: candidates.
        by: metric; the timestep-wise accuracy pays for misses, for late alarms and for false ones.
    """
    found = []
    for method in methods:
        try:
            metrics = {
                name: detection_metrics(verdicts(p.choose, traces(method, p.calibration, p.choose, 1)))
                for name, p in tasks.items()
            }
        except CalibrationError:
            continue
        found.append(Choice(method, metrics))
    return sorted(found, key=lambda choice: -choice.mean(by))


def choice_table(choices: Sequence[Choice]) -> str:
    """Markdown: a row per candidate with means over the tasks, then, of several, balanced accuracy / detection time."""
    tasks = list(choices[0].metrics)
    tasks = tasks if len(tasks) > 1 else []
    lines = [
        " | ".join(["| candidate", "TWA", "balanced accuracy", "TNR", "DT", *tasks]) + " |",
        "|---" * (5 + len(tasks)) + "|",
    ]
    for choice in choices:
        means = [f"{choice.mean(n):.3f}" for n in ("timestep_accuracy", "balanced_accuracy", "tnr", "detection_time")]
        each = [f"{choice.metrics[t].balanced_accuracy:.2f} / {choice.metrics[t].detection_time:.2f}" for t in tasks]
        lines.append("| " + " | ".join([choice.method.name, *means, *each]) + " |")
    return "\n".join(lines)
