"""Percentiles, conditions and the loop that real-time figures are compared with, on a clock that is moved by hand."""

import math

import pytest

from benchmarks.realtime_parts import loops
from benchmarks.realtime_parts.loops import empty_loop
from benchmarks.realtime_parts.summary import addition_ns, conditions, head, percentiles_us, row


def test_percentiles_are_microseconds():
    found = percentiles_us([k * 1e-6 for k in range(101)])
    assert found == pytest.approx({"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0})
    assert all(math.isnan(value) for value in percentiles_us([]).values())


def test_a_row_stands_below_its_head(capsys):
    head("duration")
    row("50 Hz idle", percentiles_us([1e-6, 1e-6]), "2 ticks")
    top, line = capsys.readouterr().out.splitlines()
    assert line.rstrip().endswith("1  2 ticks")
    for name in ("p50", "p99", "p99.9", "max"):
        end = top.index(name) + len(name)
        assert line[end - 1] == "1"


def test_conditions_name_the_machine():
    found = conditions()
    assert set(found) == {"cores", "load", "kernel", "python", "ns per addition"}
    assert found["cores"] >= 1 and found["ns per addition"] > 1.0


class Clock:
    """Sleeps exactly, plus what is planned for each sleep."""

    def __init__(self, *late):
        self.now, self.late, self.slept = 100.0, list(late), []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds + (self.late.pop(0) if self.late else 0.0)


def run(monkeypatch, clock, period, seconds):
    monkeypatch.setattr(loops, "time", clock)
    return empty_loop(period, seconds)


def test_a_punctual_machine(monkeypatch):
    clock = Clock()
    assert run(monkeypatch, clock, 0.25, 1.0) == [0.0] * 4 and clock.slept == [0.25] * 4


def test_lateness_does_not_shift_the_deadlines(monkeypatch):
    clock = Clock(0.125, 0.0625)
    assert run(monkeypatch, clock, 0.25, 1.0) == [0.125, 0.0625, 0.0, 0.0]
    assert clock.slept == [0.25, 0.125, 0.1875, 0.25] and clock.now == 101.0


def test_missed_deadlines_are_skipped_and_not_made_up_for(monkeypatch):
    clock = Clock(0.625)  # wakes at 0.875 instead of 0.25: the deadlines at 0.5 and 0.75 have passed
    assert run(monkeypatch, clock, 0.25, 1.5) == [0.625, 0.0, 0.0, 0.0]
    assert clock.slept[1] == pytest.approx(0.125)


def test_the_speed_of_the_machine_is_told():
    assert 1.0 < addition_ns(turns=20_000, times=2) < 10_000.0
