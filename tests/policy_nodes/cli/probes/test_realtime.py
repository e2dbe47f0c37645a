import os
import resource

import numpy as np
import pytest

from policy_nodes.cli.probes import realtime

pytestmark = pytest.mark.pure


class Machine:
    """A clock whose sleep is late by a fixed time."""

    def __init__(self, late):
        self.now, self.late = 100.0, late

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds + self.late


@pytest.mark.parametrize("late", [0.0, 1e-3, 3e-3])
def test_lateness_against_absolute_deadlines_does_not_accumulate(late):
    machine = Machine(late)
    result = realtime.sample_lateness(1.0, 100.0, machine.clock, machine.sleep)
    np.testing.assert_allclose(result, np.full(100, late), atol=1e-9)


def test_a_loop_slower_than_its_period_falls_behind():
    machine = Machine(0.015)
    result = realtime.sample_lateness(0.1, 100.0, machine.clock, machine.sleep)
    assert result[-1] == pytest.approx(0.015 * 10 - 0.01 * 9, abs=1e-9)


def test_jitter_is_judged_by_the_99th_percentile():
    late = np.full(200, 1e-4)
    late[0] = 1.0
    assert realtime.jitter(late).status == "ok"
    late[:4] = 1.0
    assert realtime.jitter(late).status == "warn"


def test_scheduling_leaves_the_thread_as_it_was(monkeypatch):
    before = os.sched_getscheduler(0)
    assert realtime.scheduling().status in ("ok", "warn")
    assert os.sched_getscheduler(0) == before

    def refuse(*args):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(realtime.os, "sched_setscheduler", refuse)
    check = realtime.scheduling()
    assert check.status == "warn"
    assert "rtprio" in check.fix


def test_memory_lock(monkeypatch):
    monkeypatch.setattr(realtime.os, "geteuid", lambda: 1000)
    assert realtime.memory_lock((65536, 65536)).status == "warn"
    assert realtime.memory_lock((1 << 30, 1 << 30)).status == "ok"
    assert realtime.memory_lock((resource.RLIM_INFINITY, resource.RLIM_INFINITY)).detail == "unlimited"


@pytest.mark.parametrize(
    ("governors", "status"), [([], "skip"), (["performance"] * 2, "ok"), (["performance", "powersave"], "warn")]
)
def test_governor(tmp_path, governors, status):
    for index, name in enumerate(governors):
        folder = tmp_path / f"cpu{index}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(name + "\n")
    assert realtime.governor(tmp_path).status == status


def test_clock_and_cores(monkeypatch):
    assert realtime.clock().status == "ok"
    monkeypatch.setattr(realtime.os, "sched_getaffinity", lambda pid: {0})
    assert realtime.cores().status == "warn"
