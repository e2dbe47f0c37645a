"""Healing between trials, with a scripted session: no node runs."""

import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running.campaign import live_graph as module
from policy_nodes.running.campaign.live_graph import Driver, LiveGraph
from policy_nodes.running.campaign.phases import LivePhase
from policy_nodes.running.session import RunError

PHASE = LivePhase("moving", lambda view: view.state.state == "ACTIVE", (0.8, 0.0, 0.0))


class Nodes:
    """A session, its operator and its processes in one: services change the state at once."""

    def __init__(self, refusals=0, joint_states=100):
        self.view = View(state=StateEvent(0, "READY"), episode="running", episode_index=0)
        self.view.joint_velocity = np.zeros(1)
        self.calls, self.refusals, self.joint_states = [], refusals, joint_states
        self.operator = self.runner = self
        self.processes = {name: SimpleNamespace(returncode=None, pid=1) for name in ("sim_node", "policy_node")}
        self.bundle = SimpleNamespace(manifest=SimpleNamespace(terms=[]))

    def go(self, state):
        self.view.state = StateEvent(0, state)

    def call(self, name, data=None):
        self.calls.append(name if data is None else f"{name} {data}")
        if name == "new_episode":
            self.view.episode_index += 1
        if name == "enable" and not data:
            self.go("READY")
        return True, ""

    def enable(self, timeout_s):
        self.calls.append("enable")
        if self.refusals:
            self.refusals -= 1
            raise RunError("the safety node refuses 'enable': failure_predicted", "wait")
        self.go("ACTIVE")

    def move_home(self):
        self.calls.append("move_home")
        return True

    def reset(self, timeout_s):
        self.calls.append("reset")
        self.go("READY")

    def wait_for(self, condition, timeout_s, interval):
        self.view.chunk_arrivals_ns += [0] * 5
        interval()
        return condition(self.view)

    def pause(self, seconds, interval):
        self.view.joint_states += self.joint_states
        interval()

    def restart(self, name):
        self.calls.append(f"restart {name}")
        self.processes[name].returncode = None
        self.view.diagnostics[name] = {"rnd": "0.1"}
        self.view.joint_states += self.joint_states

    def pid(self, name):
        return 1

    def waiting_for(self):
        return "nothing"

    def check_processes(self):
        raise RunError("a node ended.", "look")


@pytest.fixture
def make(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "load_bundle", lambda path: None)

    def make_(**script):
        graph = LiveGraph(tmp_path, Path("x"), {}, tmp_path)
        graph._session = Nodes(**script)
        graph._driver = SimpleNamespace(twist=(0.0, 0.0, 0.0))
        monkeypatch.setattr(graph, "_schedule", lambda names: "")
        graph.begin(60.0)
        return graph, graph._session

    return make_


@pytest.mark.parametrize(
    ("state", "calls"),
    [
        ("READY", ["new_episode", "enable"]),
        ("ACTIVE", ["enable False", "new_episode", "enable"]),
        ("DEGRADED", ["enable False", "new_episode", "enable"]),
        ("STOPPED", ["new_episode", "reset", "new_episode", "enable"]),
    ],
)
def test_a_phase_is_reached_from_wherever_the_last_trial_ended(make, state, calls):
    graph, nodes = make()
    nodes.go(state)
    graph.reach(PHASE, 1.0)
    assert nodes.calls == calls and nodes.view.state.state == "ACTIVE"
    assert graph._driver.twist == (0.8, 0.0, 0.0)


def test_a_graph_that_recovered_goes_on_without_a_new_scene_once(make):
    graph, nodes = make()
    nodes.go("STOPPED")
    assert graph.recover() and graph.fresh
    nodes.calls.clear()
    graph.reach(PHASE, 1.0)
    assert nodes.calls == [] and not graph.fresh
    graph.reach(PHASE, 1.0)
    assert nodes.calls == ["enable False", "new_episode", "enable"]


def test_a_refused_scene_is_followed_by_another(make):
    graph, nodes = make(refusals=2)
    graph.reach(PHASE, 1.0)
    assert [call for call in nodes.calls if call != "enable False"] == [
        *["new_episode", "enable", "move_home"] * 2,
        *["new_episode", "enable"],
    ]
    graph, nodes = make(refusals=99)
    with pytest.raises(RunError, match="refuses 'enable'"):
        graph.reach(PHASE, 1.0)
    nodes.go("STOPPED")
    assert not graph.recover() and not graph.fresh
    graph, nodes = make(refusals=2)
    nodes.go("STOPPED")
    assert graph.recover()


def test_too_few_joint_states_are_no_healthy_graph(make):
    graph, _ = make(joint_states=3)
    with pytest.raises(RunError, match=r"3 joint states in 0\.3 s"):
        graph.settle()


def test_a_phase_that_never_comes_is_named(make):
    graph, _ = make()
    with pytest.raises(RunError, match="phase 'never' was not reached: ACTIVE"):
        graph.reach(LivePhase("never", lambda view: False), 1.0)


def test_a_trial_is_bounded_in_time(make):
    graph, _ = make()
    graph.begin(0.0)
    time.sleep(0.001)
    with pytest.raises(RunError, match="took too long"):
        graph.watch()


def test_only_the_node_that_the_fault_ends_may_be_missing(make):
    graph, nodes = make()
    nodes.processes["policy_node"].returncode = -9
    graph.begin(60.0, lost="policy_node")
    graph.watch()
    graph.begin(60.0)
    with pytest.raises(RunError, match="a node ended"):
        graph.watch()


@pytest.mark.parametrize("node", ["sim_node", "policy_node", "monitor_node"])
def test_a_killed_node_is_started_again_and_counts_from_then_on(make, node):
    graph, nodes = make()
    nodes.processes[node] = SimpleNamespace(returncode=-9, pid=1)
    graph.begin(60.0, lost=node)
    graph.revive(node)
    assert nodes.calls == [f"restart {node}"]
    nodes.processes[node].returncode = 1  # and now it ends by itself
    with pytest.raises(RunError, match="a node ended"):
        graph.watch()


def test_the_driver_repeats_the_command_until_it_is_closed(monkeypatch):
    monkeypatch.setattr(module, "DRIVE_S", 0.001)
    sent = []
    term = SimpleNamespace(field="planar", topic="/cmd_vel")
    session = SimpleNamespace(bundle=SimpleNamespace(manifest=SimpleNamespace(terms=[term])), operator=None)
    driver = Driver(session, lambda *command: sent.append(command))
    driver.twist = (0.8, 0.0, 0.1)
    end = time.monotonic() + 5.0
    while ("/upstream/cmd_vel", 0.8, 0.0, 0.1) not in sent and time.monotonic() < end:
        time.sleep(0.002)
    driver.close()
    count = len(sent)
    time.sleep(0.01)
    assert sent[-1] == ("/upstream/cmd_vel", 0.8, 0.0, 0.1) and len(sent) == count
    quiet = SimpleNamespace(bundle=SimpleNamespace(manifest=SimpleNamespace(terms=[])), operator=None)
    Driver(quiet, lambda *command: sent.append(command)).close()
    assert len(sent) == count
