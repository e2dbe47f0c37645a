import matplotlib.pyplot as plt
import numpy as np
import pytest

from training.report.arrays import Series
from training.report.plots.rows import Row, draw_scores, plot_inches, stack


@pytest.mark.parametrize("width", [9.8, 3.9])
def test_rows_have_the_heights_and_gaps_asked_for(width):
    figure, drawn = stack([Row("a", 0.5, 0.1), Row("b", 1.0), Row("c", 0.7)], width, 2.0, 4.0)
    high = figure.get_figheight()
    boxes = {name: axes.get_position() for name, axes in drawn.items()}
    assert boxes["b"].height * high == pytest.approx(1.0)
    assert (boxes["a"].y0 - boxes["b"].y1) * high == pytest.approx(0.1)
    assert all(box.width * width == pytest.approx(plot_inches(width)) for box in boxes.values())
    assert all(box.y0 >= 0 and box.y1 <= 1 for box in boxes.values())
    assert drawn["c"].get_xlim() == (2.0, 4.0)
    plt.close(figure)


@pytest.mark.parametrize(("peak", "scale"), [(1.2, "linear"), (40.0, "symlog")])
def test_scores_always_show_the_threshold(peak, scale):
    figure, axes = plt.subplots()
    draw_scores(axes, {"rnd": Series(np.arange(3.0), np.array([0.2, np.nan, peak]))}, width=9.8)
    assert axes.get_yscale() == scale
    assert axes.get_ylim()[1] >= max(1.4, peak)
    assert axes.lines[-1].get_ydata()[0] == 1.0
    plt.close(figure)


def test_scores_without_a_finite_value_do_not_crash():
    figure, axes = plt.subplots()
    draw_scores(axes, {"fiper": Series(np.arange(2.0), np.full(2, np.nan))}, width=3.9)
    assert axes.get_ylim() == (0, 1.4)
    plt.close(figure)
