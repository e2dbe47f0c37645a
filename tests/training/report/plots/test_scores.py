import matplotlib.pyplot as plt
import numpy as np

from training.report.arrays import Series
from training.report.plots.scores import score_traces
from training.report.theme import color


def series(peak):
    return Series(np.arange(3.0), np.array([0.3, 0.5, peak]))


def test_panels_follow_the_scores_that_exist():
    figure = score_traces([{"rnd": series(0.9), "fiper": series(0.8)}, {"rnd": series(0.7)}], [True, True], 9.8)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["embedding novelty (RND)", "verdict (combined)"]
    assert [len(axes.lines) for axes in figure.axes] == [3, 2]
    assert figure.axes[0].get_ylim()[1] >= 1.3, "the threshold is visible even when nothing comes near"
    plt.close(figure)


def test_failures_are_drawn_last_and_bold():
    figure = score_traces([{"fiper": series(2.0)}, {"fiper": series(0.9)}], [False, True], 3.9)
    first, second, threshold = figure.axes[0].lines
    assert first.get_color() == color("blue")
    assert second.get_color() == color("vermillion") and second.get_linewidth() > first.get_linewidth()
    assert threshold.get_ydata()[0] == 1.0
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["success (1)", "failure (1)", "threshold"]
    plt.close(figure)


def test_far_above_the_threshold_the_axis_is_logarithmic():
    figure = score_traces([{"fiper": series(300.0)}], [True], 9.8)
    assert figure.axes[0].get_yscale() == "log"
    plt.close(figure)
