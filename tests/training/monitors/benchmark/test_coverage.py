"""Realised against nominal false alarms on more than a thousand synthetic successes, for every threshold style."""

import numpy as np
import pytest

from tests.policy_nodes.monitors.synthetic import successes
from training.monitors.benchmark.compare import Method, ScoredRollout
from training.monitors.benchmark.coverage import STYLES, coverage, coverage_table

SETS = 25
Q = 0.9


def scored(count, seed):
    """AR(1) scores in three phases, the last two of them louder."""
    rng = np.random.default_rng(seed)
    rollouts = []
    for series in successes(count, rng):
        phases = np.minimum(np.arange(len(series)) // 12, 2)
        rollouts.append(ScoredRollout("none", True, 0, {"s": series * (1.0 + phases)}, phases))
    return rollouts


POOL = scored(1100, 0)


def realised(style, n=50, q=Q, sets=SETS):
    return coverage(Method(style, (("s", 1),), q, style=style), POOL, n, 3, sets)


def spread(n, rank, test):
    """Standard deviation of the mean over SETS sets: Beta(n + 1 - rank, rank), and the binomial noise of the test."""
    a, b = n + 1 - rank, rank
    return np.sqrt((a * b / ((a + b) ** 2 * (a + b + 1)) + Q * (1 - Q) / test) / SETS)


def test_constant_rank_is_exact():
    found = realised("rank")
    sigma = spread(50, 46, 1050)
    assert found.refused == 0 and found.low < found.rate < found.high
    assert 5 / 51 - 3 * sigma <= found.rate <= (1 - Q) + 3 * sigma


def test_phases_share_the_rate_and_the_band_keeps_it():
    # Each of three phases may alarm on 1/30 of the rollouts; their sum bounds the whole.
    assert realised("phase").rate <= (1 - Q) + 3 * spread(50, 50, 1050)
    assert realised("band").rate <= (1 - Q) + 3 * spread(25, 24, 1050)


def test_published_styles_break_the_promise():
    quantile = coverage(Method("q", (("s", 1),), Q, style="quantile"), POOL, 10, 3, SETS)
    exact = coverage(Method("r", (("s", 1),), Q), POOL, 10, 3, SETS)
    assert quantile.rate > 1 - Q + 0.02 and exact.rate <= (1 - Q) + 3 * spread(10, 10, 1090)
    assert realised("released band", sets=6).rate > 0.2
    assert realised("pointwise", sets=6).rate > 0.5


@pytest.mark.parametrize(("style", "n"), [("rank", 8), ("phase", 28), ("band", 17)])
def test_too_few_rollouts_are_refused_and_one_more_rule_is_not(style, n):
    # 9 for a constant, 29 for three phases; of 18 for a band the longest and 8 others shape it, 9 calibrate.
    assert realised(style, n=n, sets=2).refused == 1.0
    assert realised(style, n=n + 1, sets=2).refused == 0.0


def test_table_names_every_style():
    text = coverage_table(POOL[:300], ("s",), 1, 3, repetitions=2)
    rows = text.splitlines()
    assert all(style in rows[0] for style in STYLES) and len(rows) == 5
    assert "refused" not in text.splitlines()[2] and "| s, 50, 0.05 |" in rows[3] and "refused" in rows[3]
