"""Realised against nominal false alarms on more than a thousand synthetic successes, for every threshold style."""

import numpy as np
import pytest

from training.monitors.benchmark.compare import Method, ScoredRollout, traces
from training.monitors.benchmark.coverage import STYLES, coverage, coverage_table
from training.monitors.benchmark.synthetic import LONGEST, SCORE, SHORTEST, series, successes

SETS = 25
Q = 0.9


POOL = successes(1100, 0)


def realised(style, n=50, q=Q, sets=SETS):
    return coverage(Method(style, ((SCORE, 1),), q, style=style), POOL, n, 3, sets)


def spread(n, rank, test):
    """Standard deviation of the mean over SETS sets: Beta(n + 1 - rank, rank), and the binomial noise of the test."""
    a, b = n + 1 - rank, rank
    return np.sqrt((a * b / ((a + b) ** 2 * (a + b + 1)) + Q * (1 - Q) / test) / SETS)


def test_the_pool_is_what_it_says():
    rows = series(400, np.random.default_rng(1))
    assert {len(r) for r in rows} == set(range(SHORTEST, LONGEST + 1))
    logs = np.array([np.log(r[:SHORTEST]) / 0.3 for r in rows])
    np.testing.assert_allclose(logs.std(axis=0), 1.0, atol=0.15)  # 0.8^2 + 0.6^2 = 1
    assert np.corrcoef(logs[:, 10], logs[:, 11])[0, 1] == pytest.approx(0.8, abs=0.06)
    loud = np.round(POOL[0].scores[SCORE] / series(1100, np.random.default_rng(0))[0], 9)
    assert loud.tolist() == [1.0] * 12 + [2.0] * 12 + [3.0] * (len(loud) - 24)
    assert POOL[0].phases.tolist() == (loud - 1).astype(int).tolist()


def test_constant_rank_is_exact():
    found = realised("rank")
    sigma = spread(50, 46, 1050)
    assert found.refused == 0 and found.low < found.rate < found.high
    assert 5 / 51 - 3 * sigma <= found.rate <= (1 - Q) + 3 * sigma


@pytest.mark.parametrize("style", ["rank", "quantile"])
@pytest.mark.parametrize("combination", ["and", "or"])
def test_maxima_say_what_whole_traces_say(style, combination):
    rng = np.random.default_rng(2)
    pool = [
        ScoredRollout("none", True, 0, {SCORE: r.scores[SCORE], "b": rng.uniform(size=len(r.phases))}, r.phases)
        for r in POOL[:90]
    ]
    signals = ((SCORE, 3), ("b", 2)) if combination == "or" else ((SCORE, 3),)
    method = Method("m", signals, 0.8, combination, style)
    found = coverage(method, pool, 40, 3, repetitions=4)
    order = np.random.default_rng(0)
    rates = []
    for _ in range(4):
        rows = order.permutation(90)
        z = traces(method, [pool[i] for i in rows[:40]], [pool[i] for i in rows[40:]], 3)
        rates.append(np.mean([(v > 1.0).any() for v in z]))
    assert found.rate == pytest.approx(np.mean(rates)) and found.rate > 0.05


def test_phases_share_the_rate_and_the_band_keeps_it():
    # Each of three phases may alarm on 1/30 of the rollouts; their sum bounds the whole.
    assert realised("phase").rate <= (1 - Q) + 3 * spread(50, 50, 1050)
    assert realised("band").rate <= (1 - Q) + 3 * spread(25, 24, 1050)


def test_published_styles_break_the_promise():
    quantile = coverage(Method("q", ((SCORE, 1),), Q, style="quantile"), POOL, 10, 3, SETS)
    exact = coverage(Method("r", ((SCORE, 1),), Q), POOL, 10, 3, SETS)
    assert quantile.rate > 1 - Q + 0.02 and exact.rate <= (1 - Q) + 3 * spread(10, 10, 1090)
    assert realised("released band", sets=6).rate > 0.2
    assert realised("pointwise", sets=6).rate > 0.5


@pytest.mark.parametrize(("style", "n"), [("rank", 8), ("phase", 28), ("band", 17)])
def test_too_few_rollouts_are_refused_and_one_more_rule_is_not(style, n):
    # 9 for a constant, 29 for three phases; of 18 for a band the longest and 8 others shape it, 9 calibrate.
    assert realised(style, n=n, sets=2).refused == 1.0
    assert realised(style, n=n + 1, sets=2).refused == 0.0


def test_table_names_every_style():
    text = coverage_table(POOL[:300], (SCORE,), 1, 3, repetitions=2)
    rows = text.splitlines()
    assert all(style in rows[0] for style in STYLES) and len(rows) == 5
    assert "refused" not in text.splitlines()[2] and "| synthetic, 50, 0.05 |" in rows[3] and "refused" in rows[3]
