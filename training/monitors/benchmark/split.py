"""Which rollouts choose a method and which test it: never the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policy_nodes.errors import CalibrationError
from training.monitors.benchmark.compare import ScoredRollout


@dataclass(frozen=True)
class Parts:
    """Rollouts of one task, each in one part only.

    Attributes:
        train: clean successes that the scores were fitted on.
        calibration: other clean successes, which give the thresholds.
        choose: every second rollout of each cause, successes and failures: scores, windows and combination are chosen
            on these.
        test: the rest: what is reported.
        good: all clean successes that trained nothing, for the coverage of thresholds.
    """

    train: list[ScoredRollout]
    calibration: list[ScoredRollout]
    choose: list[ScoredRollout]
    test: list[ScoredRollout]
    good: list[ScoredRollout]


def split(scored: Sequence[ScoredRollout], train: int, calibrate: int) -> Parts:
    """Split the rollouts of one task.

    Args:
        scored: the ``train`` rollouts that the scores were fitted on first, then all others by cause in the order of
            their seeds.
        train: number of training rollouts.
        calibrate: number of calibration rollouts, the first clean successes after them.

    Raises:
        CalibrationError: no clean success is left to choose or test on.
    """
    rest = list(scored[train:])
    good = [r for r in rest if r.cause == "none" and r.success]
    if len(good) < calibrate + 2:
        raise CalibrationError(
            f"{len(good)} clean successes cannot give {calibrate} for calibration and two to judge.", "record more."
        )
    calibration, taken = good[:calibrate], {id(r) for r in good[:calibrate]}
    left = [r for r in rest if id(r) not in taken]
    rows = [[r for r in left if r.cause == cause] for cause in dict.fromkeys(r.cause for r in left)]
    choose = [r for row in rows for r in row[::2]]
    test = [r for row in rows for r in row[1::2]]
    return Parts(list(scored[:train]), calibration, choose, test, good)
