"""A slow machine is no fault of the fault; but only a witness can say that it was slow."""

import signal
import time
from dataclasses import replace

import pytest

from policy_nodes.running.campaign.case import Process
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.ledger import Ledger
from policy_nodes.running.campaign.machine import StallWatch, longest_s, starved, untouched
from policy_nodes.running.campaign.moments import NS, Record

MS = NS // 1000
AGES = {"joints": 100 * MS, "objects/cube": 150 * MS, "alarms": 500 * MS, "chunks": 0, "commands": 0}


def steady(period_ms, until_ms, gap=()):
    """Arrivals every period but within ``gap`` (ms)."""
    times = [t for t in range(0, until_ms, period_ms) if not gap or not gap[0] < t < gap[1]]
    return [Record(t * MS, True, t * MS) for t in times]


def test_the_longest_stall_of_a_window():
    stalls = [(0, 10 * MS), (50 * MS, 80 * MS), (200 * MS, 400 * MS)]
    assert longest_s(stalls, 40 * MS, 100 * MS) == pytest.approx(0.030)
    assert longest_s(stalls, 70 * MS, 75 * MS) == pytest.approx(0.030)  # it overlaps
    assert longest_s(stalls, 100 * MS, 150 * MS) == 0.0
    assert longest_s([], 0, NS) == 0.0


def test_what_a_fault_touches_is_no_witness():
    sources = ["joints", "objects/cube", "imu", "chunks", "alarms", "commands"]
    assert untouched(CASES["chunks_drop"], sources) == ["joints", "objects/cube", "imu"]
    assert untouched(CASES["joints_drop"], sources) == ["objects/cube", "imu"]
    assert untouched(CASES["objects_drop"], sources) == ["joints", "imu"]
    assert untouched(CASES["robot_stopped"], sources) == []
    assert untouched(replace(CASES["estop"], inject=Process("policy_node", signal.SIGSTOP)), sources) == sources[:3]


def test_a_starved_source_is_told_by_the_stream_nobody_touched():
    ledger = Ledger({"joints": steady(10, 1000, gap=(500, 580)), "objects/cube": steady(20, 1000)})
    text = starved(CASES["chunks_drop"], ledger, AGES, 0.0, 300 * MS, 700 * MS)
    assert text == "joints came 80 ms apart without being touched"
    assert starved(CASES["chunks_drop"], ledger, AGES, 0.0, 600 * MS, 700 * MS) == ""
    # The same gap in the stream that the fault drops says nothing.
    assert starved(CASES["joints_lossy"], ledger, AGES, 0.0, 300 * MS, 700 * MS) == ""


def test_a_stalled_machine_is_told_by_the_watch():
    ledger = Ledger({"joints": steady(10, 1000), "objects/cube": steady(20, 1000)})
    assert "60 ms" in starved(CASES["estop"], ledger, AGES, 0.06, 300 * MS, 700 * MS)
    assert starved(CASES["estop"], ledger, AGES, 0.04, 300 * MS, 700 * MS) == ""


def test_the_watch_sees_that_it_was_not_run():
    with StallWatch(priority=0) as watch:
        time.sleep(0.2)
        began = time.time_ns()
        watch._process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        watch._process.send_signal(signal.SIGCONT)
        end = time.monotonic() + 5.0
        while watch.longest_s(began, time.time_ns()) < 0.09 and time.monotonic() < end:
            time.sleep(0.01)
        assert watch.longest_s(began, time.time_ns()) >= 0.09
    assert watch._process.returncode is not None
