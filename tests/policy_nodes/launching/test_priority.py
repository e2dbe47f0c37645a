"""Priorities are raised where the system permits it, and nothing breaks where it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from policy_nodes.launching import priority
from policy_nodes.launching.priority import prefer, schedule_real_time


@pytest.fixture
def sleeper():
    code = "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); print('up', flush=True)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_session_gets_more_weight_or_the_answer_is_no(sleeper):
    permitted = prefer(sleeper.pid, nice=-1)
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == (-1 if permitted else 0)
    group = Path(f"/proc/{sleeper.pid}/autogroup")
    if permitted and group.is_file():
        assert group.read_text().split()[-1] == "-1"


def test_every_thread_is_scheduled_or_the_answer_is_no(sleeper):
    permitted = schedule_real_time(sleeper.pid)
    threads = [int(name) for name in os.listdir(f"/proc/{sleeper.pid}/task")]
    assert len(threads) == 2
    policies = {os.sched_getscheduler(thread) for thread in threads}
    assert policies == ({os.SCHED_RR} if permitted else {os.SCHED_OTHER})


def test_the_main_thread_can_be_left_alone(sleeper):
    schedule_real_time(sleeper.pid, main=False)
    assert os.sched_getscheduler(sleeper.pid) == os.SCHED_OTHER


def test_without_permission_nothing_changes(sleeper, monkeypatch):
    def refuse(*_):
        raise PermissionError("not you")

    monkeypatch.setattr(os, "setpriority", refuse)
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert not prefer(sleeper.pid) and not schedule_real_time(sleeper.pid)


def test_a_process_that_is_gone_is_not_preferred(sleeper):
    sleeper.kill()
    sleeper.wait()
    assert not prefer(sleeper.pid) and not schedule_real_time(sleeper.pid)


def test_a_kernel_without_autogroups_is_no_reason_to_fail(sleeper, monkeypatch):
    monkeypatch.setattr(os, "setpriority", lambda *_: None)

    class Nowhere:
        def __init__(self, path):
            pass

        def write_text(self, text):
            raise FileNotFoundError

    monkeypatch.setattr(priority, "Path", Nowhere)
    assert prefer(sleeper.pid)
