import matplotlib.pyplot as plt
import pytest

from training.report.plots.latency import latency_histogram
from training.report.schema import Histogram, InferenceTimes

HISTOGRAM = Histogram(edges=[0.5, 1, 2, 4, 8], counts=[0, 30, 2, 0])


@pytest.mark.parametrize(("budget", "scale"), [(80.0, "log"), (6.0, "linear"), (None, "linear")])
def test_axis_holds_the_budget_and_marks_the_percentiles(budget, scale):
    figure = latency_histogram(HISTOGRAM, InferenceTimes(p50=1.5, p99=2.5, max=3.9), budget, 9.8)
    axes = figure.axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:2] == ["p50 1.5 ms", "p99 2.5 ms"]
    assert texts[2:] == ([f"budget {budget:g} ms"] if budget else [])
    assert axes.get_xscale() == scale
    assert axes.get_xlim()[1] >= (budget or 4.0)
    assert axes.get_xlabel().endswith("(ms)")
    plt.close(figure)


def test_empty_bins_at_the_ends_are_not_drawn():
    figure = latency_histogram(HISTOGRAM, None, None, 3.9)
    values, edges, _ = figure.axes[0].patches[0].get_data()
    assert (values.tolist(), edges.tolist()) == ([30, 2], [1, 2, 4])
    plt.close(figure)
