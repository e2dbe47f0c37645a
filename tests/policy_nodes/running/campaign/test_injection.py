"""What is done to processes and files is undone, whatever happens meanwhile."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.running.campaign import injection
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.injection import hog, injected, swapped, throttled


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def state(pid):
    """One letter: T is stopped."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def until(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_throttling_alternates_and_ends_running():
    sent = []
    with throttled(7, runs_s=0.001, stands_s=0.001, kill=lambda pid, number: sent.append((pid, number))):
        assert until(lambda: len(sent) >= 6)
    stop, go = (7, signal.SIGSTOP), (7, signal.SIGCONT)
    assert sent[:4] == [stop, go, stop, go] and sent[-1] == go


def test_throttling_a_process_that_is_gone_is_no_error():
    def gone(pid, number):
        raise ProcessLookupError

    with throttled(7, 0.001, 0.001, kill=gone):
        pass


def session(pid, calls):
    class Operator:
        def now_ns(self):
            return 1_000

        def call(self, name, data=None):
            calls.append((name, data))

        def pause(self, seconds):
            calls.append(("pause", seconds))

    return SimpleNamespace(operator=Operator(), pid=lambda node: pid)


def test_a_stopped_process_runs_again_also_after_an_error(sleeper):
    with pytest.raises(RuntimeError, match="in the block"), injected(session(sleeper.pid, []), CASES["policy_stopped"]):
        assert until(lambda: state(sleeper.pid) == "T")
        raise RuntimeError("in the block")
    assert until(lambda: state(sleeper.pid) != "T")


def test_a_killed_process_is_gone(sleeper):
    with injected(session(sleeper.pid, []), CASES["policy_killed"]):
        assert sleeper.wait(timeout=5.0) == -signal.SIGKILL


def test_a_stall_ends_when_it_can_be_known(sleeper):
    calls = []
    with injected(session(sleeper.pid, calls), CASES["loop_stalled"]) as known:
        assert state(sleeper.pid) != "T" and calls == [("pause", 0.6)] and known == [1_000]


@pytest.mark.parametrize(("name", "call"), [("estop", ("estop", None)), ("disabled", ("enable", False))])
def test_orders_are_given_and_known_at_once(name, call):
    calls = []
    with injected(session(0, calls), CASES[name]) as known:
        assert calls == [call] and known == [1_000]


def test_streams_are_the_relays_business():
    calls = []
    with injected(session(0, calls), CASES["joints_nan"]) as known:
        assert calls == [] and known == [0]


def test_hogs_end_with_the_block(monkeypatch):
    monkeypatch.setattr(injection, "HOG_BYTES", 1 << 16)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    started = []
    make = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *args: started.append(make(*args)) or started[-1])
    for kind in ("cpu", "memory"):
        with hog(kind):
            assert all(process.poll() is None for process in started[-1:])
    assert len(started) == 3 and all(process.returncode == -signal.SIGKILL for process in started)


def test_swapped_files_are_refused_and_come_back(tmp_path, monkeypatch):
    for name in injection.SWAPPED:
        (tmp_path / name).write_bytes(b"true " + name.encode())

    def refuse(path):
        assert (path / "policy.onnx").read_bytes().startswith(b"swapped")
        raise ConfigError("broken.", "mend it.")

    monkeypatch.setattr(injection, "load_bundle", refuse)
    with swapped(tmp_path):
        assert (tmp_path / "safety.yaml").read_bytes() == b"swappedtrue safety.yaml"
    assert (tmp_path / "policy.onnx").read_bytes() == b"true policy.onnx"
    monkeypatch.setattr(injection, "load_bundle", lambda path: None)
    with pytest.raises(RuntimeError, match="was accepted"), swapped(tmp_path):
        raise AssertionError("never reached")
    assert (tmp_path / "policy.onnx").read_bytes() == b"true policy.onnx"
