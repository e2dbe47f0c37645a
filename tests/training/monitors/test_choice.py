"""The scores are chosen by induced failures, on rollouts that give no threshold."""

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.phases import CallBins
from tests.training.monitors.synthetic import rollouts
from training.monitors import choice
from training.monitors.benchmark.choose import candidates
from training.monitors.benchmark.record import StoredRollout
from training.monitors.benchmark.scoring import ScoringConfig
from training.monitors.choice import choose_scores
from training.monitors.rnd import UNWATCHED
from training.monitors.train_rnd import RNDTraining

SCORING = ScoringConfig(
    samples=8,
    execution=1,
    names=("mahalanobis", "variance"),
    architecture=UNWATCHED,
    training=RNDTraining(epochs=1),
)
PHASES = CallBins(edges=(10,))


def positions(chunks):
    return np.asarray(chunks)[..., :3]


def caused(records, cause):
    empty = np.empty((60, 0), np.float32)
    return [
        StoredRollout(cause, k, r.success, 5, r.embeddings, r.chunks, empty[: len(r.chunks)])
        for k, r in enumerate(records)
    ]


def choose(train, disturbed, quantile=0.8):
    return choose_scores(train, disturbed, positions, PHASES, quantile, SCORING)


@pytest.fixture(autouse=True)
def few_candidates(monkeypatch):
    """Those of the two scores."""
    monkeypatch.setattr(choice, "candidates", lambda q: candidates(q, SCORING.names, windows=(3,), largest=2))


def test_what_novelty_fools_is_not_chosen():
    # Half of the disturbed rollouts cope although they look new; the failures also disagree with themselves.
    disturbed = caused(rollouts(8, 1, novel=True, samples=8), "novel") + caused(
        rollouts(8, 2, False, samples=8), "fails"
    )
    ranked = choose(rollouts(16, 0, samples=8), disturbed)
    by_name = {row.method.name: row.metrics["task"] for row in ranked}
    assert "variance" in ranked[0].method.name
    assert ranked[0].metrics["task"].balanced_accuracy > by_name["mahalanobis, window 3"].balanced_accuracy
    assert by_name["mahalanobis, window 3"].tnr < 0.6 < by_name["variance, window 3"].tnr


def test_without_a_success_under_a_cause_the_clean_rollouts_tell_what_a_false_alarm_is():
    ranked = choose(rollouts(16, 0, samples=8), caused(rollouts(6, 2, False, samples=8), "fails"))
    assert ranked and all(np.isfinite(row.metrics["task"].balanced_accuracy) for row in ranked)


def test_too_few_rollouts_or_no_failure_cannot_choose():
    failing = caused(rollouts(4, 2, False, samples=8), "fails")
    with pytest.raises(
        CalibrationError, match=r"7 training rollouts cannot choose at q = 0.85: half of them must be 6"
    ):
        choose(rollouts(7, 0, samples=8), failing, quantile=0.85)
    with pytest.raises(CalibrationError, match="none of the 4 disturbed rollouts failed"):
        choose(rollouts(16, 0, samples=8), caused(rollouts(4, 1, novel=True, samples=8), "novel"))
