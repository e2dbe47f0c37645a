"""Trials one by one: repeated when they say nothing, from new nodes when something broke. No node runs here."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from policy_nodes.running.campaign import live
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.live import Setting, attempt, groups, progress_line, start
from policy_nodes.running.campaign.phases import ARM
from policy_nodes.running.campaign.trial import SaysNothing
from policy_nodes.running.campaign.verdict import Seen, Verdict, not_carried_out
from policy_nodes.running.session import RunError

pytestmark = pytest.mark.pure

PHASE = ARM[0]
SETTING = Setting(Path("x.launch.yaml"), {}, Path("."), allowed_periods=2.0)
PASSED = Verdict("estop", PHASE.name, True, [], "estop", 0.5, Seen(0.0, 0.1, 0.11, "STOPPED", "estop"))
FAILED = Verdict("estop", PHASE.name, False, ["reason shutdown"], "estop", 0.5, Seen(0.0))


class Graph:
    """Counts its starts; ``broken`` of them fail."""

    def __init__(self, broken=0):
        self.starts, self.broken, self.fresh, self.scheduling = 0, broken, True, "ordinary priority"

    def start(self):
        self.starts += 1
        if self.starts <= self.broken:
            raise RunError("no node came up.", "look.")


def scripted(*outcomes):
    """A trial that does these things one after the other."""
    left = list(outcomes)

    def trial(graph, case, phase, limit_s, allowed):
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return trial


def run(graph, *outcomes):
    return attempt(graph, CASES["estop"], PHASE, SETTING, lambda line: None, scripted(*outcomes))


def test_a_verdict_is_not_repeated_whatever_it_says():
    graph = Graph()
    assert run(graph, PASSED).attempts == 1
    assert not run(graph, FAILED).passed
    assert graph.starts == 0


def test_a_starved_trial_is_repeated_on_the_same_nodes_and_never_counted():
    graph = Graph()
    found = run(graph, SaysNothing("machine too slow: joints came 80 ms apart"), PASSED)
    assert (found.passed, found.attempts, graph.starts, graph.fresh) == (True, 2, 0, False)
    assert found.notes == ["machine too slow: joints came 80 ms apart"]
    never = run(graph, *[SaysNothing("machine too slow: stall")] * 3)
    assert (never.passed, never.carried_out, never.attempts) == (False, False, 3)
    assert never.problems == ["not carried out: machine too slow: stall"]


def test_a_broken_graph_is_started_anew():
    graph = Graph()
    found = run(graph, RunError("phase 'moving' was not reached.", "see logs"), FAILED)
    assert (found.passed, found.attempts, graph.starts) == (False, 2, 1)
    never = run(graph, *[RunError("node 'sim_node' ended.", "see")] * 3)
    assert not never.carried_out and graph.starts == 4


def test_nodes_that_do_not_come_up_are_tried_again_and_then_end_the_campaign():
    graph, said = Graph(broken=2), []
    start(graph, said.append)
    assert graph.starts == 3 and len(said) == 3
    with pytest.raises(RunError, match="no node came up"):
        start(Graph(broken=3), said.append)


def test_only_trials_about_the_monitor_need_it():
    plan = [(CASES[name], PHASE) for name in ("estop", "alarms_drop", "monitor_killed", "policy_killed")]
    split = {need: [case.name for case, _ in items] for need, items in groups(plan)}
    assert split == {False: ["estop", "policy_killed"], True: ["alarms_drop", "monitor_killed"]}
    assert groups([]) == []


def test_the_monitor_is_started_where_it_is_needed_only(tmp_path, monkeypatch):
    bundle = SimpleNamespace(path=tmp_path / "b.keel", manifest=SimpleNamespace(files={"calibration.npz": "x"}))
    bundle.path.mkdir()
    (bundle.path / "manifest.json").write_text("{}")
    given, closed = [], []

    class Fake(Graph):
        def __init__(self, copy, launch, arguments, logs, real_time):
            super().__init__()
            assert (copy / "manifest.json").is_file() and copy != bundle.path
            given.append((arguments["monitor"], arguments["quiet_monitor"]))

        def close(self):
            closed.append(self)

    monkeypatch.setattr(live, "LiveGraph", Fake)
    monkeypatch.setattr(live, "attempt", lambda graph, case, phase, setting, say: (case.name, phase.name))
    setting = Setting(Path("x"), {}, tmp_path, 2.0)
    plan = [(CASES[name], PHASE) for name in ("estop", "alarms_drop")]
    found = list(live.run_campaign(bundle, plan, setting, lambda line: None, lambda **more: None))
    assert found == [("estop", "moving"), ("alarms_drop", "moving")]
    assert given == [("false", "true"), ("true", "false")] and len(closed) == 2


def test_progress_says_what_was_seen_and_how_long_it_takes():
    line = progress_line(PASSED, 3, 63, 30.0, 3)
    assert line.startswith("ok   3/63 estop in moving: estop -> STOPPED, 0.50 periods") and "10:00 min left" in line
    assert progress_line(FAILED, 1, 1, 1.0, 1).startswith("FAIL 1/1")
    assert "reason shutdown" in progress_line(FAILED, 1, 1, 1.0, 1)
    slow = progress_line(not_carried_out(CASES["estop"], "moving", "machine too slow"), 2, 2, 1.0, 1)
    assert slow.startswith("none 2/2") and "machine too slow" in slow
