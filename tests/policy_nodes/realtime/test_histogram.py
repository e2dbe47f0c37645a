import math

import numpy as np
import pytest

from policy_nodes.realtime.histogram import Histogram, timing_values

pytestmark = pytest.mark.pure


def test_quantiles_are_known_to_the_bucket_width() -> None:
    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(-7, 1.5, 20_000))
    histogram = Histogram()
    for value in values:
        histogram.add(float(value))
    for q in (0.01, 0.5, 0.99, 0.999):
        exact = np.quantile(values, q, method="inverted_cdf")
        assert exact <= histogram.quantile(q) <= exact * 2 ** (1 / 16) * (1 + 1e-9)
    summary = histogram.to_dict()
    assert summary["max_s"] == values.max()
    assert summary["min_s"] == values.min()
    assert summary["mean_s"] == pytest.approx(values.mean())
    assert summary["count"] == 20_000


def test_few_values_by_hand() -> None:
    histogram = Histogram()
    for value in (0.001, 0.001, 0.001, 0.5):
        histogram.add(value)
    assert histogram.quantile(0.75) == pytest.approx(0.001, rel=0.045)
    assert histogram.quantile(0.76) == 0.5
    assert histogram.quantile(1.0) == 0.5


def test_merge_equals_counting_together() -> None:
    one, two, both = Histogram(), Histogram(), Histogram()
    for k in range(1, 200):
        (one if k % 3 else two).add(k * 1e-4)
        both.add(k * 1e-4)
    one.merge(two)
    left, right = one.to_dict(), both.to_dict()
    assert left.pop("mean_s") == pytest.approx(right.pop("mean_s"))
    assert left == right


def test_empty_and_extremes() -> None:
    histogram = Histogram()
    assert histogram.quantile(0.99) == 0.0
    assert histogram.to_dict()["min_s"] == 0.0
    histogram.add(-1.0)
    histogram.add(1e6)
    assert histogram.quantile(1.0) == 1e6
    assert histogram.quantile(0.5) <= 1e-7


def test_several_quantiles_in_one_pass_are_those_asked_for_one_by_one() -> None:
    histogram = Histogram()
    for value in (1e-4, 2e-4, 3e-4, 0.02, 200.0):
        histogram.add(value)
    qs = (0.0, 0.2, 0.21, 0.6, 0.61, 0.8, 0.99, 1.0)
    assert histogram.quantiles(*qs) == [histogram.quantile(q) for q in qs]
    assert histogram.quantiles(0.2)[0] == pytest.approx(1e-4, rel=0.045)  # nearest rank: the first of five
    assert histogram.quantiles(0.21)[0] == pytest.approx(2e-4, rel=0.045)
    assert histogram.quantiles(0.99)[0] == 200.0, "the last bucket is open: its true maximum"
    assert histogram.quantiles() == []


def test_timing_values_are_milliseconds_and_nothing_before_the_first_sample() -> None:
    histogram = Histogram()
    assert timing_values("tick", histogram) == {}
    histogram.add(0.0025)
    assert timing_values("tick", histogram) == {f"tick {key} (ms)": "2.500" for key in ("p50", "p99", "p999", "max")}


def test_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="not finite"):
        Histogram().add(math.nan)
    with pytest.raises(ValueError, match="outside"):
        Histogram().quantile(1.5)
