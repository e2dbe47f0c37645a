import matplotlib.pyplot as plt
import numpy as np
import pytest

from training.report.inputs import load_inputs
from training.report.plots.fault import fault_plot, moments
from training.report.schema import Fault, LiveRun


def labelled(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


@pytest.mark.parametrize("width", [9.8, 3.9])
def test_rows_and_curves_of_a_fault(full_run, width):
    inputs = load_inputs(full_run)
    assert inputs.live is not None and inputs.trace is not None
    fault = inputs.live.faults[0]
    figure = fault_plot(inputs.live, inputs.trace, fault, {}, width)
    _, states, position, speed, scores = figure.axes
    assert position.get_xlim() == pytest.approx((-0.5, 1.5))
    wanted = next(line for label, line in labelled(position).items() if label.startswith("wanted"))
    t, value = wanted.get_data()
    # The policy stopped at 0; its last chunk covers at most 16 steps of 20 ms.
    assert np.isfinite(value[(t > -0.4) & (t < 0.0)]).all()
    assert np.isnan(value[t > 0.33]).all()
    assert {"sent", "measured"} <= set(labelled(position))
    assert speed.get_title(loc="left") == "fastest joint (rad/s)"
    assert len(states.collections) == 4
    assert scores.get_xlabel() == "time since the fault was injected (s)"
    plt.close(figure)


def test_only_known_moments_are_marked():
    fault = Fault(name="f", t_injected=5.0, t_detected=5.25, passed=False)
    assert [(name, t) for name, t, _ in moments(fault)] == [("injected", 0.0), ("detected", 0.25)]


def test_without_a_trace_states_and_moments_remain():
    fault = Fault(name="f", t_injected=5.0, passed=False)
    figure = fault_plot(LiveRun(faults=[fault]), None, fault, {}, 9.8)
    assert len(figure.axes) == 2
    assert [text.get_text() for text in figure.axes[0].texts] == ["injected"]
    plt.close(figure)


def test_labels_near_the_right_edge_stay_inside():
    fault = Fault(name="f", t_injected=0.0, t_first_backup_command=6.0, passed=True)
    figure = fault_plot(LiveRun(faults=[fault]), None, fault, {}, 3.9)
    assert [text.get_ha() for text in figure.axes[0].texts] == ["left", "right"]
    plt.close(figure)


def test_prismatic_joints_do_not_count_as_fast(full_run):
    inputs = load_inputs(full_run)
    assert inputs.live is not None and inputs.trace is not None
    units = dict.fromkeys(inputs.trace.joint_names, "m")
    figure = fault_plot(inputs.live, inputs.trace, inputs.live.faults[0], units, 9.8)
    speed = figure.axes[3]
    assert all(line.get_linewidth() == 1.0 for line in speed.lines), "only markers, no curve"
    plt.close(figure)
