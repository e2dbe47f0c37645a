"""One live trial and its verdict, with a scripted graph: no node runs."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running.campaign import trial as module
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.ledger import Ledger
from policy_nodes.running.campaign.moments import NS, Record
from policy_nodes.running.campaign.phases import LivePhase
from policy_nodes.running.campaign.trial import SaysNothing, carry_out
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.reasons import Reason

pytestmark = pytest.mark.pure

MS = NS // 1000
T0 = 1_000 * NS
"""When the fault is injected."""
BOUNDS = {"position_min": -2.0, "position_max": 2.0, "velocity": 2.0, "acceleration": 10.0, "jerk": 500.0}
SAFETY = SafetyConfig.model_validate({"joints": [{"name": "a", **BOUNDS}], "joint_state_timeout_s": 0.1})
PHASE = LivePhase("moving", lambda view: True)
TERMS = [SimpleNamespace(name="cube", message_type="geometry_msgs/msg/PoseStamped", max_age_s=0.15)]


def steady(period_ms, gap=()):
    """Genuine arrivals from 1 s before the fault to 1 s after it, but within ``gap`` (ms after the fault)."""
    times = [ms for ms in range(-1000, 1000, period_ms) if not gap or not gap[0] < ms < gap[1]]
    return [Record(T0 + ms * MS, True, T0 + ms * MS) for ms in times]


def at_rest(until_ms=1000):
    return [(T0 + ms * MS, [0.5]) for ms in range(-1000, until_ms, 20)]


class Graph:
    """The nodes answered a fault with ``stop`` (event) or went on; the relay kept ``ledger``."""

    def __init__(self, stop=None, ledger=None, stalled_s=0.0, recovers=True, speed=0.0):
        self.did = []
        manifest = SimpleNamespace(
            actions=SimpleNamespace(horizon=16, step_s=0.02), timing=SimpleNamespace(control_rate_hz=50.0), terms=TERMS
        )
        self.bundle = SimpleNamespace(manifest=manifest, file=lambda name: Path(name))
        self.view = View(state=StateEvent(0, "ACTIVE"))
        self.view.joint_velocity = np.array([speed])
        self._stop, self._ledger, self._recovers = stop, ledger or Ledger({"joints": steady(10)}, at_rest()), recovers
        self.stalls = SimpleNamespace(longest_s=lambda since, until: stalled_s)
        self.operator = self
        self.session = None

    def begin(self, limit_s, lost):
        self.did.append(("begin", lost))

    def reach(self, phase, timeout_s):
        self.did.append(("reach", phase.name))

    def revive(self, node):
        self.did.append(("revive", node))

    def recover(self):
        self.did.append(("recover",))
        return self._recovers

    def ledger(self):
        return self._ledger

    def watch(self):
        pass

    def now_ns(self):
        return T0 if self.view.state.state == "ACTIVE" else T0 + 900 * MS

    def inject(self, name):
        self.did.append(("inject", name))

    def wait_for(self, condition, timeout_s, interval):
        if self._stop is not None:
            final = "STOPPED" if self._stop.state != "READY" else "READY"
            self.view.events, self.view.state = [self._stop], StateEvent(self._stop.stamp_ns, final)
        return condition(self.view)


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    @contextmanager
    def injected(session, case):
        yield [T0]

    monkeypatch.setattr(module, "injected", injected)
    monkeypatch.setattr(module, "load_safety_config", lambda path: SAFETY)


def stopped(after_ms, reason, category="1", state="BACKUP"):
    return StateEvent(T0 + round(after_ms * MS), state, reason, "jerk_limited_stop", category, "why")


def run(graph, name="estop"):
    return carry_out(graph, CASES[name], PHASE, 45.0, 2.0)


def test_a_stop_as_declared_with_its_reaction_time():
    graph = Graph(stopped(12, "ESTOP"))
    found = run(graph)
    assert found.passed and found.reaction_periods == pytest.approx(0.6, abs=1e-3)
    assert (found.seen.reason, found.seen.backup, found.seen.category) == ("estop", "jerk_limited_stop", 1)
    assert found.seen.limit_use["velocity"] == 0.0
    assert graph.did == [("begin", ""), ("reach", "moving"), ("inject", "estop"), ("inject", ""), ("recover",)]


def test_no_stop_is_no_reaction_and_tolerance_needs_no_recovery():
    assert run(Graph()).problems == ["no reaction"]
    graph = Graph()
    assert run(graph, "joints_duplicate").passed and ("recover",) not in graph.did


def test_silence_is_known_from_the_relays_ledger():
    dropped = Ledger({"joints": steady(10, gap=(0, 2000)), "objects/cube": steady(20)}, at_rest())
    found = run(Graph(stopped(115, Reason.JOINT_STATE_STALE.name), dropped), "joints_drop")
    # The last joint state came with the injection, and may be 100 ms old: 15 ms too late are 0.75 periods.
    assert found.passed and found.reaction_periods == pytest.approx(0.75, abs=1e-3)


def test_what_does_not_follow_fails():
    assert "did not recover after reset and enable" in run(Graph(stopped(1, "ESTOP"), recovers=False)).problems
    assert "not at rest at the end" in run(Graph(stopped(1, "ESTOP"), speed=0.5)).problems
    assert "reaction after 3.00 control periods" in run(Graph(stopped(60, "ESTOP"))).problems
    assert "reason shutdown" in run(Graph(stopped(1, "SHUTDOWN"))).problems


def test_a_killed_node_comes_back_before_the_recovery():
    graph = Graph(
        stopped(380, "CHUNK_EXHAUSTED", "2"), Ledger({"chunks": [Record(T0, True, T0, T0 + 320 * MS)]}, at_rest())
    )
    found = run(graph, "policy_killed")
    assert found.passed, found.problems
    assert graph.did[0] == ("begin", "policy_node")
    assert graph.did[-2:] == [("revive", "policy_node"), ("recover",)]


def test_a_stale_stream_that_nobody_touched_is_the_machines():
    starved = Ledger({"joints": steady(10, gap=(100, 180)), "objects/cube": steady(20)}, at_rest())
    with pytest.raises(SaysNothing, match="joint_state_stale, while joints came 80 ms apart"):
        run(Graph(stopped(190, "JOINT_STATE_STALE"), starved), "chunks_duplicate")
    with pytest.raises(SaysNothing, match="stood still for 70 ms"):
        run(Graph(stopped(190, "JOINT_STATE_STALE"), stalled_s=0.07), "chunks_duplicate")


def test_without_a_witness_a_wrong_reason_is_the_nodes_own():
    found = run(Graph(stopped(190, "JOINT_STATE_STALE")), "chunks_duplicate")
    assert not found.passed and "although it must be tolerated" in found.problems[0]
    found = run(Graph(stopped(190, "INTERNAL_ERROR"), stalled_s=0.07), "chunks_duplicate")
    assert not found.passed  # a stall explains no reason that has nothing to do with time


def test_a_late_reaction_is_the_machines_only_if_it_stood_still_for_as_long():
    with pytest.raises(SaysNothing, match="a late reaction"):
        run(Graph(stopped(60, "ESTOP"), stalled_s=0.03))  # 20 ms too late
    assert not run(Graph(stopped(60, "ESTOP"), stalled_s=0.01)).passed


def test_limits_are_not_judged_from_commands_that_were_lost():
    def ledger(positions, lost=()):
        commands = [(T0 + (k - 10) * 20 * MS, [p]) for k, p in enumerate(positions) if k not in lost]
        return Ledger({"joints": steady(10)}, commands)

    ramp = [0.01 * min(k, 12) for k in range(30)]  # 0.5 m/s, stopped within one period: 25 m/s2
    found = run(Graph(stopped(0, "ESTOP"), ledger(ramp)))
    assert any("acceleration at 250%" in problem for problem in found.problems)
    with pytest.raises(SaysNothing, match="2 commands did not reach the relay"):
        run(Graph(stopped(0, "ESTOP"), ledger(ramp, lost=(11, 14))))


def test_a_false_alarm_says_nothing_about_another_fault():
    with pytest.raises(SaysNothing, match="false alarm"):
        run(Graph(stopped(100, "FAILURE_PREDICTED", "2")), "alarms_duplicate")


def test_a_policy_that_went_too_near_says_nothing_about_a_fault_unless_the_fault_may_bring_that_about():
    with pytest.raises(SaysNothing, match="the policy itself"):
        run(Graph(stopped(100, "NOT_RECOVERABLE", "2")), "objects_duplicate")
    moved = Ledger({"joints": steady(10)}, at_rest())
    assert run(Graph(stopped(100, "NOT_RECOVERABLE", "2"), moved), "commands_drop").seen.reason == "not_recoverable"


def test_disabling_ends_in_ready_and_is_no_latch():
    ready = StateEvent(T0 + 10 * MS, "READY")
    found = run(Graph(ready), "disabled")
    assert found.passed, found.problems
    assert found.seen.state == "READY" and found.reaction_periods == pytest.approx(0.5, abs=1e-3)
