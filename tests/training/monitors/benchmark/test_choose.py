"""Rollouts that choose a method are not those that test it, and the choice is the best by hand."""

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.metrics import detection_metrics
from policy_nodes.monitors.stac import CUMULATIVE
from training.monitors.benchmark.choose import candidates, choice_table, rank
from training.monitors.benchmark.compare import Method, ScoredRollout, traces, verdicts
from training.monitors.benchmark.split import split

NAMES = ("good", "late", "blind")


def rollout(cause="none", success=True, alarm_at=None):
    """Scores of 1 but for a failure: ``good`` rises at its call ``alarm_at``, ``late`` six calls later."""
    scores = {name: np.ones(12) for name in NAMES}
    if alarm_at is not None:
        scores["good"][alarm_at:] = scores["late"][alarm_at + 6 :] = 9.0
    return ScoredRollout(cause, success, 0, scores, np.zeros(12, dtype=int))


@pytest.fixture(scope="module")
def scored():
    clean = [rollout() for _ in range(60)]
    return clean + [rollout("moved", False, 2) for _ in range(5)] + [rollout("moved") for _ in range(2)]


def test_every_rollout_is_in_one_part_and_causes_are_halved(scored):
    parts = split(scored, 10, 30)
    used = [*parts.train, *parts.calibration, *parts.choose, *parts.test]
    assert sorted(map(id, used)) == sorted(map(id, scored))
    assert parts.train == scored[:10] and parts.calibration == scored[10:40] and len(parts.good) == 50
    for part, clean, moved in ((parts.choose, 10, 4), (parts.test, 10, 3)):
        assert sum(r.cause == "none" for r in part) == clean and sum(r.cause == "moved" for r in part) == moved
    # Alternate rollouts of a cause, in the order of their seeds.
    assert [r is scored[60 + 2 * k] for k, r in enumerate(r for r in parts.choose if r.cause == "moved")] == [True] * 4


def test_a_clean_failure_neither_calibrates_nor_counts_as_good(scored):
    mixed = [*scored[:12], rollout(success=False), *scored[12:]]
    parts = split(mixed, 10, 30)
    assert all(r.success for r in parts.calibration) and len(parts.good) == 50
    assert sum(not r.success and r.cause == "none" for r in [*parts.choose, *parts.test]) == 1


def test_too_few_clean_successes_are_refused(scored):
    with pytest.raises(CalibrationError, match="cannot give 49"):
        split(scored, 10, 49)


def test_candidates_keep_one_promise():
    found = candidates(0.95, NAMES, windows=(2,), largest=3)
    names = [m.name for m in found]
    assert len(set(names)) == len(names) == 3 + 2 * 3 + 1 + 3  # singles, AND and OR of two, OR of three, with stac
    by_name = {m.name: m for m in found}
    assert by_name["good, window 2"].quantile == pytest.approx(0.95)
    assert by_name["good AND late, window 2"].quantile == pytest.approx(0.95)
    assert by_name["good OR late, window 2"].quantile == pytest.approx(0.975)
    three = by_name["good OR late OR blind, window 2"]
    assert three.combination == "or" and three.quantile == pytest.approx(1 - 0.05 / 3)
    whole = by_name["good OR blind OR stac (cumulative), window 2"]
    assert whole.signals == (("good", 2), ("blind", 2), ("stac", CUMULATIVE))


def test_the_earlier_of_two_scores_that_find_the_same_is_chosen(scored):
    parts = split(scored, 10, 30)
    methods = [Method(name, ((name, 1),), 0.9) for name in ("blind", "late", "good")]
    ranked = rank({"a": parts, "b": parts}, methods)
    assert [c.method.name for c in ranked] == ["good", "late", "blind"]
    # All failures found at call 2 of 11, no false alarm: TWA = (1 - 2/11 + 1) / 2.
    assert ranked[0].mean("timestep_accuracy") == pytest.approx((2 - 2 / 11) / 2)
    assert ranked[2].mean("balanced_accuracy") == 0.5
    again = detection_metrics(verdicts(parts.choose, traces(methods[2], parts.calibration, parts.choose, 1)))
    assert ranked[0].metrics["a"] == again
    table = choice_table(ranked).splitlines()
    assert len(table) == 5 and table[2].startswith("| good | 0.909 | 1.000 | 1.000 | 0.182 | 1.00 / 0.18 |")


def test_a_candidate_that_cannot_be_calibrated_is_left_out(scored):
    parts = split(scored, 10, 30)
    methods = [Method("good", (("good", 1),), 0.9), Method("strict", (("good", 1),), 0.99)]
    assert [c.method.name for c in rank({"a": parts}, methods)] == ["good"]
