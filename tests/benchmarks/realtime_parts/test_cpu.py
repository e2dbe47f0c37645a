"""Processor time per node: what is added up, and what is printed beside the aims."""

import os
import threading
import time
from collections import defaultdict
from types import SimpleNamespace

import pytest

from benchmarks import realtime
from benchmarks.realtime_parts import cpu


class Session:
    """A session whose nodes spend what the test says."""

    def __init__(self):
        self.runner = SimpleNamespace(processes={"policy_node": 1, "safety_node": 2})
        self.operator = SimpleNamespace(view=SimpleNamespace(state=SimpleNamespace(state="READY")))

    def pid(self, name):
        return self.runner.processes[name]


def test_time_counts_only_where_the_state_did_not_change(monkeypatch):
    spent, now, session = {1: 0.0, 2: 0.0, 3: 0.0}, [100.0], Session()
    monkeypatch.setattr(cpu, "thread_seconds", spent.__getitem__)
    monkeypatch.setattr(cpu.time, "monotonic", lambda: now[0])
    sampler = cpu._Sampler(session, floor=3)

    def later(seconds, policy, safety, state):
        now[0] += seconds
        spent[1] += policy
        spent[2] += safety
        spent[3] += seconds / 20  # the listener beside them
        session.operator.view.state.state = state
        sampler(session)

    later(0.0, 0.0, 0.0, "READY")
    later(0.1, 0.05, 0.0, "READY")  # too soon: counted with the next
    later(0.4, 0.05, 0.02, "READY")
    later(1.0, 9.0, 9.0, "ACTIVE")  # the change of state itself counts for neither
    later(2.0, 0.2, 0.5, "ACTIVE")
    assert sampler.wall == pytest.approx({"READY": 0.5, "ACTIVE": 2.0})
    assert sampler.cpu["READY"] == pytest.approx({"policy_node": 0.1, "safety_node": 0.02, "floor": 0.025})
    assert sampler.cpu["ACTIVE"] == pytest.approx({"policy_node": 0.2, "safety_node": 0.5, "floor": 0.1})


def test_the_kernels_time_of_all_threads():
    def burn():
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass

    before = cpu.thread_seconds(os.getpid())
    done = threading.Event()
    thread = threading.Thread(target=lambda: (burn(), done.wait(5)))
    thread.start()
    burn()
    while cpu.thread_seconds(os.getpid()) - before < 0.1 and thread.is_alive():
        time.sleep(0.01)
    assert cpu.thread_seconds(os.getpid()) - before >= 0.1
    done.set()
    thread.join()


def test_the_table_subtracts_the_network(capsys):
    sampler = SimpleNamespace(wall={"READY": 10.0, "ACTIVE": 5.0}, cpu=defaultdict(dict))
    sampler.cpu["READY"], sampler.cpu["ACTIVE"] = {"policy_node": 0.3}, {"policy_node": 0.2}
    found = cpu._report(sampler, {"policy_node": 0.01}, {"safety_node": {"tick p50 (ms)": "0.6", "other": "1"}})
    assert found["nodes"] == {
        "policy_node": pytest.approx({"ready": 0.03, "moving": 0.04, "network": 0.01, "without": 0.03})
    }
    assert found["tick"] == {"tick p50 (ms)": "0.6"}
    assert "policy_node          3.0%     4.0%     1.0%            3.0%     5%" in capsys.readouterr().out


def test_the_floor_stands_in_the_table_without_an_aim(capsys):
    sampler = SimpleNamespace(wall={"READY": 10.0, "ACTIVE": 5.0}, cpu=defaultdict(dict))
    sampler.cpu["READY"], sampler.cpu["ACTIVE"] = {"floor": 0.5}, {"floor": 0.2}
    found = cpu._report(sampler, {}, {})
    assert capsys.readouterr().out.splitlines()[-1].split() == ["floor", "5.0%", "4.0%", "0.0%", "4.0%"]
    assert realtime.aims({"cpu": found}) == []


def test_aims_stand_beside_the_figures(capsys):
    rows = {"safety_node": {"ready": 0.04, "moving": 0.12, "without": 0.12}, "sim_node": {"ready": 1, "moving": 1}}
    results = {"nodes": {"p99_above_floor_us": 400.0}, "cpu": {"nodes": rows}}
    assert [(name.split(":")[0], figure, aim) for name, figure, aim, _ in realtime.aims(results)] == [
        ("policy_node", 400.0, 1000.0),
        ("safety_node", 4.0, 5.0),
        ("safety_node", 12.0, 5.0),
        ("safety_node", 12.0, 5.0),
    ]
    realtime.print_aims(results)
    printed = capsys.readouterr().out
    assert printed.count("does not hold") == 2 and printed.count("holds") == 2
    assert realtime.aims({"nodes": {"error": "x"}, "cpu": {"error": "y"}}) == []
