"""Latencies from the command line, the simulated worker, and sweeps' bookkeeping; nothing is simulated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import ConfigError
from training.commands.latency import table
from training.evaluation.latency import Latency, SimulatedWorker
from training.evaluation.latency_loop import TimedEpisode
from training.evaluation.latency_sweep import METHODS, execution, summarise


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("40", 0.04), ("1e3", 1.0), ("10000", 10.0), (" 5 ", 0.005)])
def test_milliseconds_become_seconds(text, seconds):
    latency = Latency.parse(text)
    assert latency.fixed_s == pytest.approx(seconds) and latency.of_call(99.0) == latency.fixed_s


def test_measured_is_what_the_call_took():
    latency = Latency.parse("measured")
    assert latency.fixed_s is None and latency.of_call(0.123) == 0.123


@pytest.mark.parametrize("text", ["", "soon", "-1", "10001", "nan", "inf", "-inf", "4 ms", "Measured"])
def test_anything_else_is_refused_with_what_is_allowed(text):
    with pytest.raises(ConfigError, match="--latency is") as refused:
        Latency.parse(text)
    assert repr(text) in str(refused.value) and "'measured'" in refused.value.fix


@settings(max_examples=30, deadline=None)
@given(begin=st.integers(0, 10**12), delay=st.floats(0.0, 10.0), early=st.integers(1, 10**6))
def test_an_answer_is_given_once_and_not_a_nanosecond_early(begin, delay, early):
    worker, ready = SimulatedWorker(), begin + round(delay * 1e9)
    worker.begin(begin, "plan", delay)
    assert worker.busy
    if ready - early >= begin:
        assert worker.collect(ready - early) is None and worker.busy
    assert worker.collect(ready) == "plan" and not worker.busy
    assert worker.collect(ready + 1) is None


def test_a_busy_worker_takes_nothing_else():
    worker = SimulatedWorker()
    worker.begin(0, "first", 1.0)
    with pytest.raises(RuntimeError, match="busy"):
        worker.begin(1, "second", 0.0)
    assert worker.collect(10**9) == "first"
    worker.begin(10**9, "second", 0.0)
    assert worker.collect(10**9) == "second"


def test_a_graph_belongs_to_a_method_that_uses_one():
    assert execution("rti") is METHODS["rti"]
    named = execution("rtc:guided_3")
    assert (named.warm_start.method, named.warm_start.variant) == ("guided", "guided_3")
    assert METHODS["rtc"].warm_start.variant is None  # the table itself is not changed
    with pytest.raises(ConfigError, match="'every' uses no further graph"):
        execution("every:full_2")
    with pytest.raises(ConfigError, match="no method 'RTI'"):
        execution("RTI")


def episode(seed, **changes):
    return TimedEpisode(seed, **{"steps": 50, "inference_ms": [1.0], "evaluations": 4, **changes})


def test_seconds_are_those_of_successes_and_rates_those_of_all():
    done = [episode(0, success=True, steps=100), episode(1, success=True, steps=300), episode(2, outcome="stopped")]
    point = summarise("naive", 20.0, done, 0.02, 0.95)
    assert (point.seconds, point.stops) == (pytest.approx(4.0), 1)
    assert point.evaluations_per_tick == pytest.approx(12 / 450)


def test_episodes_in_which_nothing_was_inferred_make_no_nan():
    point = summarise("naive", 0.0, [episode(0, steps=0, inference_ms=[], evaluations=0)], 0.02, 0.95)
    assert point.evaluations_per_call == point.evaluations_per_tick == 0.0
    assert np.isnan(point.seam) and np.isnan(point.kick)


def test_every_point_is_a_row():
    points = [summarise(name, delay, [episode(0)], 0.02, 0.9) for name in ("naive", "rtc") for delay in (0.0, 40.0)]
    found = table(points)
    assert found.row_count == 4
    cells = list(found.columns[1].cells)
    assert cells == ["0", "40", "0", "40"] and list(found.columns[2].cells) == ["0/1"] * 4
