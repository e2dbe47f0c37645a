"""Choose scores, windows and combination by failures that were induced on purpose, without spending the thresholds.

Thresholds promise a false-alarm rate only while the rollouts behind them had no say in anything else. So the choice is
made on the rollouts that train the scores: half of them train, half give thresholds for the comparison, and these and
the disturbed rollouts judge. Afterwards the chosen scores are trained on all of them, and the thresholds come from the
others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.conformal import required_rollouts
from policy_nodes.monitors.phases import Phases
from training.monitors.benchmark.choose import Choice, candidates, rank
from training.monitors.benchmark.record import StoredRollout
from training.monitors.benchmark.scoring import ScoringConfig, score_rollouts
from training.monitors.benchmark.split import Parts
from training.monitors.calibrate import RolloutRecord
from training.monitors.export import PositionFunction


def choose_scores(
    train: Sequence[RolloutRecord],
    caused: Sequence[StoredRollout],
    position_fn: PositionFunction,
    phases: Phases,
    quantile: float,
    config: ScoringConfig,
    advance: Callable[[str], None] = lambda _: None,
) -> list[Choice]:
    """Candidates that the number of rollouts supports, the best first.

    Args:
        train: undisturbed successes that will train the scores and calibrate nothing.
        caused: rollouts under causes of failure, successes and failures.
        position_fn: (N, H, A) chunks -> (N, H, 3) end-effector positions, m.
        phases: of the task.
        quantile: promised to a rollout.
        config: samples and execution horizon.
        advance: progress, called after every scored rollout with its cause.

    Raises:
        CalibrationError: too few rollouts for any candidate, or no failure among the disturbed ones.
    """
    clean = [
        StoredRollout("none", k, True, 0, r.embeddings, r.chunks, np.empty((len(r.chunks), 0), np.float32))
        for k, r in enumerate(train)
    ]
    half = len(clean) // 2
    needed = required_rollouts(quantile)
    if len(clean) - half < needed or half < 1:
        raise CalibrationError(
            f"{len(clean)} training rollouts cannot choose at q = {quantile}: half of them must be {needed} or more.",
            "record more episodes, or name the scores with --scores.",
        )
    if all(r.success for r in caused):
        raise CalibrationError(
            f"none of the {len(caused)} disturbed rollouts failed; nothing tells the scores apart.",
            "record more of them, or name the scores with --scores.",
        )
    scored = score_rollouts(clean[:half], [*clean[half:], *caused], position_fn, phases, config, advance)
    # The clean ones are judged too: where nothing copes with a cause, only they say what a false alarm is.
    calibration = scored[: len(clean) - half]
    parts = Parts([], calibration, scored, [], calibration)
    return rank({"task": parts}, candidates(quantile))
