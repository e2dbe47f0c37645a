import math

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.metrics import RolloutVerdict
from training.monitors.benchmark.compare import Method, ScoredRollout, bootstrap, traces, verdicts, within
from training.monitors.benchmark.methods import all_methods, judge
from training.monitors.benchmark.report import cause_table, metrics_table, plot_traces

NAMES = ("rnd", "entropy", "stac", "stac_floor", "logpzo", "mahalanobis", "knn", "variance", "consistency", "duration")


def rollout(rng, cause="none", success=True, level=1.0):
    scores = {name: rng.uniform(0.5, 1.0, 20) for name in NAMES}
    for values in scores.values():
        values[8:] *= level
    return ScoredRollout(cause, success, 8, scores, np.arange(20) // 10)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    clean = [rollout(rng) for _ in range(220)]
    failures = [rollout(rng, "cube displaced", False, 5.0) for _ in range(10)]
    harmless = [rollout(rng, "cube displaced", True) for _ in range(5)]
    return clean[:60], clean[60:160], clean[160:] + failures + harmless


def test_traces_by_hand():
    def make(values):
        return ScoredRollout("none", True, 0, {"a": np.array(values), "b": np.ones(3)}, np.zeros(3, dtype=int))

    calibration = [make([float(k), 0.0, 0.0]) for k in range(1, 10)]  # rank 9 of 9: threshold 9 for a, 2 for b
    test = [make([9.0, 9.1, 0.0])]
    (single,) = traces(Method("m", (("a", 1),), 0.9), calibration, test, 1)
    np.testing.assert_allclose(single, [1.0, 9.1 / 9, 0.0])
    (both,) = traces(Method("m", (("a", 1), ("b", 2)), 0.9), calibration, test, 1)
    np.testing.assert_allclose(both, [0.5, 1.0, 0.0])
    (either,) = traces(Method("m", (("a", 1), ("b", 2)), 0.9, "or"), calibration, test, 1)
    np.testing.assert_allclose(either, [1.0, 9.1 / 9, 1.0])
    assert verdicts(test, [single]) == [RolloutVerdict(True, 3, 1)]


def test_within_counts_from_the_onset():
    rng = np.random.default_rng(0)
    test = [rollout(rng)] * 3
    z = [np.zeros(20) for _ in test]
    z[0][7], z[1][8], z[2][15] = 2.0, 2.0, 2.0
    assert within(test, z, 6) == [False, True, False] and within(test, z, 7) == [False, True, True]


def test_bootstrap_covers_the_metric_and_shrinks_with_the_sample():
    def interval(scale):
        judged = [RolloutVerdict(True, 10, None)] * (8 * scale) + [RolloutVerdict(True, 10, 1)] * (2 * scale)
        return bootstrap(judged + [RolloutVerdict(False, 10, 3)] * (5 * scale), repetitions=200)

    small, large = interval(2), interval(40)
    assert small["tnr"][0] < 0.8 < small["tnr"][1] and small["tpr"] == (1.0, 1.0)
    assert np.ptp(large["tnr"]) < 0.5 * np.ptp(small["tnr"]) and interval(2) == small


def test_every_method_finds_what_all_scores_show(data, tmp_path):
    train, calibration, test = data
    methods = all_methods(0.95)
    results = [judge(m, train, calibration, test, 2, 6) for m in methods]
    assert len({m.name for m in methods}) == len(methods) > 15
    for result in results:
        if result.method.signals[0][1] < 100:  # a cumulative sum cannot be that quick
            assert result.found == {"cube displaced": 1.0} and result.prompt["cube displaced"] >= 0.6
        count, total, low, high = result.false_alarms
        assert total == 60 and low <= count / total <= high
    rank = next(r for r in results if r.method.name.startswith("rnd, window"))
    assert rank.false_alarms[0] <= 9 and rank.metrics.tpr == 1.0
    for text in (metrics_table(results), cause_table(results)):
        assert len(text.splitlines()) == len(results) + 2 and "cube displaced" in text + cause_table(results)
    plot_traces(test, {"rnd": 2.0, "stac": 2.0}, 3, 0.16, tmp_path / "traces.png")
    assert (tmp_path / "traces.png").stat().st_size > 10_000


def test_too_few_rollouts_and_missing_groups(data):
    train, calibration, test = data
    with pytest.raises(CalibrationError, match="cannot support"):
        judge(Method("m", (("rnd", 1),), 0.99), train, calibration[:50], test, 2, 6)
    only_failures = [r for r in test if not r.success or r.cause == "none"]
    result = judge(Method("m", (("rnd", 1),), 0.9), train, calibration, only_failures, 2, 6)
    assert math.isnan(result.kept["cube displaced"]) and " - |" in cause_table([result])
