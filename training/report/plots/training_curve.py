"""Training and validation loss over steps."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from training.report.schema import TrainingPoint
from training.report.signals import decimate
from training.report.theme import color


def training_curve(points: Sequence[TrainingPoint], width: float) -> Figure:
    """Draw the loss on a logarithmic axis, or a linear one when a loss is not positive.

    Args:
        points: records of one training; a resumed training may repeat a step, the later record counts.
        width: inches.
    """
    latest = {point.step: point for point in points}
    ordered = [latest[step] for step in sorted(latest)]
    step = np.array([point.step for point in ordered], dtype=float)
    loss = np.array([point.loss for point in ordered])
    figure, axes = plt.subplots(figsize=(width, 2.7), layout="constrained")
    axes.plot(*decimate(step, loss, 400), color=color("blue"), linewidth=1.2, label="training")
    checked = [point for point in ordered if point.validation_loss is not None]
    values = np.array([point.validation_loss for point in checked], dtype=float)
    if checked:
        axes.plot(
            [point.step for point in checked],
            values,
            color=color("vermillion"),
            linestyle="--",
            marker="o",
            markersize=3.5,
            label="validation",
        )
    if min(loss.min(), values.min(initial=np.inf)) > 0:
        axes.set_yscale("log")
    axes.set_xlabel("optimiser step")
    axes.set_ylabel("loss")
    axes.margins(x=0.01)
    axes.legend(loc="upper right", ncols=2)
    return figure
