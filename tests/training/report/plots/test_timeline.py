import matplotlib.pyplot as plt
import numpy as np
import pytest

from training.report.inputs import load_inputs
from training.report.plots.timeline import run_end, run_timeline
from training.report.schema import LiveRun, RunEpisode, SafetyEvent


def test_the_whole_run_is_on_one_axis(full_run):
    inputs = load_inputs(full_run)
    assert inputs.live is not None and inputs.trace is not None
    units = {"panda_finger_joint1": "m"}
    figure = run_timeline(inputs.live, inputs.trace, units, 9.8)
    titles = [axes.get_title(loc="left") for axes in figure.axes[3:]]
    assert titles[-2:] == ["object to goal (cm)", "failure score / threshold"]
    assert len(titles) == 5
    assert {axes.get_xlim() for axes in figure.axes} == {(0.0, run_end(inputs.live, inputs.trace))}
    reasons = [text.get_text() for text in figure.axes[1].texts]
    assert reasons == ["chunk stale", "state not finite", "failure alarm"]
    progress = figure.axes[-2].lines[0].get_ydata()
    # Start of an episode: from (0.5, -0.15) to (0.45, 0.2) m.
    assert np.max(progress) == pytest.approx(100 * np.hypot(0.05, 0.35))
    plt.close(figure)


def test_states_alone_are_enough():
    live = LiveRun(
        events=[SafetyEvent(t=0, state="READY"), SafetyEvent(t=2, state="BACKUP", reason="ESTOP")],
        episodes=[RunEpisode(index=1, success=False, duration_s=3, t_start=0, t_end=3)],
    )
    assert run_end(live, None) == 3.0
    figure = run_timeline(live, None, {}, 3.9)
    assert len(figure.axes) == 3
    assert figure.axes[2].get_xlabel() == "time since start of the run (s)"
    assert figure.axes[0].texts[0].get_text() == "1 ✗"
    plt.close(figure)


def test_an_empty_run_still_has_an_axis():
    assert run_end(LiveRun(), None) > 0
