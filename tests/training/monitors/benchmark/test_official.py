from functools import partial

import numpy as np
import pytest

from policy_nodes.monitors.metrics import DetectionMetrics, RolloutVerdict, detection_metrics
from training.monitors.benchmark.compare import Method, ScoredRollout, traces, verdicts
from training.monitors.benchmark.methods import all_methods, fiper, judge, recommended
from training.monitors.benchmark.official import QUANTILES, mean_metrics, official
from training.monitors.benchmark.paired import difference
from training.monitors.benchmark.summary import summarise, summary_table

NAMES = ("rnd", "entropy", "stac", "stac_floor", "logpzo", "mahalanobis", "knn", "variance", "consistency", "duration")


def rollout(rng, success=True, level=1.0, length=12):
    scores = {name: rng.uniform(0.5, 1.0, length) for name in NAMES}
    for values in scores.values():
        values[6:] *= level
    return ScoredRollout("none" if success else "bad", success, 6, scores, np.zeros(length, dtype=int))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    train, calibration = ([rollout(rng) for _ in range(n)] for n in (30, 60))
    return train, calibration, [rollout(rng) for _ in range(20)] + [rollout(rng, False, 4.0, 20) for _ in range(8)]


def test_the_released_evaluation_reports_its_best_setting_on_the_test_set(data):
    train, _, test = data
    found = official(train, test, windows=(1, 3, 50))  # a window beyond the longest rollout is not tried
    assert set(found.judged) == set(QUANTILES) and len(QUANTILES) == 10
    assert set(found.windows) <= {1, 3}
    for style in ("quantile", "released band", "pointwise"):
        for first in (1, 3):
            rows = []
            for q in QUANTILES:
                method = Method("m", (("rnd", first), ("entropy", first)), q, style=style)
                rows.append(verdicts(test, traces(method, train, test, 1)))
            alone = mean_metrics([detection_metrics(r) for r in rows])
            assert found.metrics.timestep_accuracy >= alone.timestep_accuracy - 1e-12
            if style == found.style and (first, first) == found.windows:
                assert alone == found.metrics


def test_means_are_taken_metric_by_metric():
    rows = [DetectionMetrics(*[float(k)] * 6) for k in (1, 3)]
    assert mean_metrics(rows) == DetectionMetrics(*[2.0] * 6)


def test_a_paired_difference_by_hand():
    def judged(*alarms):  # two successes, two failures
        return [[RolloutVerdict(k < 2, 11, a) for k, a in enumerate(alarms)]]

    perfect, blind = judged(None, None, 2, 4), judged(None, None, None, None)
    value, low, high = difference(perfect, blind, "balanced_accuracy", repetitions=50)
    assert (value, low, high) == (0.5, 0.5, 0.5)
    half = judged(None, None, 2, None)
    value, low, high = difference(perfect, half, "balanced_accuracy", repetitions=300)
    assert value == 0.25 and low == 0.0 and high == 0.5
    # detection time: mean of 0.2 and 0.4 against 0.2
    assert difference(perfect, half, "detection_time", repetitions=10)[0] == pytest.approx(0.1)
    mean = difference([*perfect, *blind], half, "balanced_accuracy", repetitions=10)
    assert mean[0] == 0.0  # means over the sets: (1 + 0.5) / 2 against 0.75
    with pytest.raises(ValueError, match="same rollouts"):
        difference(perfect, [perfect[0][::-1]], "tpr")


def test_rates_are_shared_so_that_a_rollout_keeps_its_promise():
    ours, pair = recommended(0.95, 3), fiper(0.95, 3)
    assert ours.combination == "and" and ours.quantile == pytest.approx(0.95)
    assert [name for name, _ in ours.signals] == ["mahalanobis", "stac_floor"]
    assert pair.combination == "and" and pair.quantile == pytest.approx(0.9)
    shared = [m for m in all_methods(0.95, 3) if m.combination == "or"]
    assert shared and all(m.quantile == pytest.approx(0.975) for m in shared)
    names = [m.name for m in all_methods(0.95, 3)]
    assert ours.name in names and pair.name in names and len(set(names)) == len(names)


def test_the_summary_says_what_was_compared(data, monkeypatch):
    few = partial(official, windows=(1, 3))
    monkeypatch.setattr("training.monitors.benchmark.summary.official", few)
    train, calibration, test = data
    chosen = [m for m in all_methods(0.95, 3) if m.name in (recommended(0.95, 3).name, fiper(0.95, 3).name)]
    chosen += [m for m in all_methods(0.95, 3) if m.signals in ((("rnd", 3),), (("entropy", 3),))]
    best = Method("chosen on the other half: knn", (("knn", 2),), 0.95)
    results = [judge(m, train, calibration, test, 1, 6) for m in [*chosen, best]]
    outcome = summarise("toy/task", results, best, train, calibration, test, 0.95, 3, repetitions=20)
    assert outcome.rollouts == (20, 8)
    assert outcome.ours["tpr"] == outcome.fiper["tpr"] == 1.0
    assert outcome.gaps["balanced_accuracy"][0] == pytest.approx(
        outcome.ours["balanced_accuracy"] - outcome.official["balanced_accuracy"]
    )
    assert outcome.chosen["name"] == best.name and outcome.chosen["tpr"] == 1.0
    assert outcome.chosen_gaps["balanced_accuracy"][0] == pytest.approx(
        outcome.chosen["balanced_accuracy"] - outcome.official["balanced_accuracy"]
    )
    assert set(outcome.fiper_gap) == {"rnd", "entropy"}
    table = summary_table([outcome])
    assert "toy/task | 20 / 8 |" in table and table.endswith("- toy/task: chosen on the other half: knn")
    assert "best TWA on the test set" in outcome.official_text
