"""What a comparison says about its aims, task by task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from policy_nodes.monitors.metrics import RolloutVerdict
from training.monitors.benchmark.compare import Method, ScoredRollout, bootstrap, traces, verdicts
from training.monitors.benchmark.methods import SINGLE, Result, fiper, recommended
from training.monitors.benchmark.official import official
from training.monitors.benchmark.paired import difference

COLUMNS = ("balanced_accuracy", "detection_time", "timestep_accuracy")


@dataclass(frozen=True)
class Outcome:
    """Figures of one task.

    Attributes:
        task: contract name.
        rollouts: successes and failures in the test set.
        single: name and metrics of the single score with the best balanced accuracy.
        fiper: FIPER's pair with the rank rule: metrics and false alarms on clean successes.
        ours: the recommended predictor: the same.
        chosen: the predictor that the task's other rollouts chose (``keel calibrate --choose``): the same.
        official: metrics of the released evaluation.
        official_text: the same in words, with intervals.
        gaps: ours minus official, metric -> (difference, lower, upper).
        chosen_gaps: chosen minus official: the same.
        fiper_gap: balanced accuracy of FIPER minus that of its own two scores, score -> (difference, lower, upper).
    """

    task: str
    rollouts: tuple[int, int]
    single: dict[str, Any]
    fiper: dict[str, Any]
    ours: dict[str, Any]
    chosen: dict[str, Any]
    official: dict[str, Any]
    official_text: str
    gaps: dict[str, tuple[float, float, float]]
    chosen_gaps: dict[str, tuple[float, float, float]]
    fiper_gap: dict[str, tuple[float, float, float]]


def summarise(
    task: str,
    results: Sequence[Result],
    chosen: Method,
    train: Sequence[ScoredRollout],
    calibration: Sequence[ScoredRollout],
    test: Sequence[ScoredRollout],
    quantile: float,
    window: int,
    repetitions: int = 1000,
) -> Outcome:
    """Compare the recommended predictor, FIPER, single scores and the released evaluation on one test set.

    Args:
        task: contract name.
        results: of all methods on these rollouts.
        chosen: the one of them that rollouts outside this test set chose.
        train: successes that the scores were fitted on.
        calibration: successes that give the thresholds.
        test: everything else.
        quantile: promised to a rollout.
        window: policy calls summed.
        repetitions: of the bootstrap.
    """
    ours, pair = recommended(quantile, window), fiper(quantile, window)
    by_name = {r.method.name: r for r in results}
    singles = [r for r in results if len(r.method.signals) == 1 and r.method.signals[0][0] in SINGLE]
    best = max(singles, key=lambda r: r.metrics.balanced_accuracy)
    released = official(train, test)

    def judged(result: Result) -> list[list[RolloutVerdict]]:
        return [verdicts(test, traces(result.method, calibration, test, 1))]

    theirs = list(released.judged.values())
    parts = {r.method.signals[0][0]: r for r in singles if r.method.signals[0] in pair.signals}
    found = asdict(released.metrics)
    interval = bootstrap(released.judged[0.95], repetitions)
    text = (
        f"FIPER's released evaluation (thresholds {released.style}, windows {released.windows[0]} and "
        f"{released.windows[1]}, the best TWA on the test set; means over q = 0.90 to 0.99): "
        + ", ".join(f"{name.replace('_', ' ')} {found[name]:.2f}" for name in ("tpr", "tnr", *COLUMNS))
        + "; 95 % at q = 0.95: "
        + ", ".join(f"{n.replace('_', ' ')} {interval[n][0]:.2f}-{interval[n][1]:.2f}" for n in COLUMNS)
        + "."
    )
    return Outcome(
        task=task,
        rollouts=(sum(r.success for r in test), sum(not r.success for r in test)),
        single={"name": best.method.name, **asdict(best.metrics)},
        fiper=_row(by_name[pair.name]),
        ours=_row(by_name[ours.name]),
        chosen=_row(by_name[chosen.name]),
        official=found,
        official_text=text,
        gaps={name: difference(judged(by_name[ours.name]), theirs, name, repetitions) for name in COLUMNS},
        chosen_gaps={name: difference(judged(by_name[chosen.name]), theirs, name, repetitions) for name in COLUMNS},
        fiper_gap={
            name: difference(judged(by_name[pair.name]), judged(part), "balanced_accuracy", repetitions)
            for name, part in parts.items()
        },
    )


def summary_table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: a row per task."""
    lines = [
        "| task | test successes / failures | false alarms: FIPER, ours, chosen | balanced accuracy: best single, "
        "FIPER, ours, chosen, released | detection time: FIPER, ours, chosen, released | ours - released: balanced "
        "accuracy | detection time | chosen - released: balanced accuracy | detection time | FIPER - its parts, "
        "balanced accuracy |",
        "|---" * 10 + "|",
    ]
    for o in outcomes:
        singles = f"{o.single['balanced_accuracy']:.2f} ({o.single['name'].split(',')[0]})"
        rows = (o.fiper, o.ours, o.chosen, o.official)
        accuracy = ", ".join([singles, *(f"{r['balanced_accuracy']:.2f}" for r in rows)])
        times = ", ".join(f"{r['detection_time']:.2f}" for r in rows)
        gaps = [_gap(found[name]) for found in (o.gaps, o.chosen_gaps) for name in COLUMNS[:2]]
        parts = "; ".join(f"{name} {_gap(value)}" for name, value in o.fiper_gap.items())
        alarms = ", ".join(f"{r['alarms'][0]}/{r['alarms'][1]}" for r in rows[:3])
        cells = [o.task, f"{o.rollouts[0]} / {o.rollouts[1]}", alarms, accuracy, times, *gaps, parts]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"- {o.task}: {o.chosen['name']}" for o in outcomes)]
    return "\n".join(lines)


def _row(result: Result) -> dict[str, Any]:
    return {"name": result.method.name, **asdict(result.metrics), "alarms": list(result.false_alarms)}


def _gap(value: Sequence[float]) -> str:
    return f"{value[0]:+.2f} ({value[1]:+.2f} to {value[2]:+.2f})"
