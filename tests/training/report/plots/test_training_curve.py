import matplotlib.pyplot as plt
import pytest

from training.report.plots.training_curve import training_curve
from training.report.schema import TrainingPoint


def test_a_resumed_step_counts_once_and_order_is_restored():
    points = [
        TrainingPoint(step=2, loss=9),
        TrainingPoint(step=1, loss=4),
        TrainingPoint(step=2, loss=3, validation_loss=5),
    ]
    figure = training_curve(points, 9.8)
    loss, validation = figure.axes[0].lines
    assert (loss.get_xdata().tolist(), loss.get_ydata().tolist()) == ([1, 2], [4, 3])
    assert list(validation.get_ydata()) == [5]
    plt.close(figure)


@pytest.mark.parametrize(("loss", "scale"), [(0.1, "log"), (-0.1, "linear"), (0.0, "linear")])
def test_scale_follows_the_sign(loss, scale):
    figure = training_curve([TrainingPoint(step=1, loss=loss)], 3.9)
    assert figure.axes[0].get_yscale() == scale
    plt.close(figure)
