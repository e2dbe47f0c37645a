"""What the relay remembers, travels as JSON, and is forgotten between trials."""

import numpy as np
import pytest

from policy_nodes.running.campaign import ledger as module
from policy_nodes.running.campaign.ledger import Ledger, largest_gap_s
from policy_nodes.running.campaign.moments import NS, Record

pytestmark = pytest.mark.pure

MS = NS // 1000


def test_it_survives_the_way_through_a_service():
    kept = Ledger()
    kept.note("joints", Record(1, True, 2, 3))
    kept.note("chunks", Record(4, False, 5, 6))
    kept.command(7, np.array([0.1, -0.2]).tolist())
    kept.apart_ns = 8
    again = Ledger.from_json(kept.to_json())
    assert again.records == {"joints": [Record(1, True, 2, 3)], "chunks": [Record(4, False, 5, 6)]}
    assert (again.commands, again.apart_ns) == ([(7, [0.1, -0.2])], 8)


def test_a_trial_begins_with_the_last_second_only():
    kept = Ledger()
    for second in range(5):
        kept.note("joints", Record(second * NS, True, second * NS))
        kept.command(second * NS, [float(second)])
    kept.apart_ns = 3
    kept.begin(4 * NS)
    assert [row.arrival_ns for row in kept.records["joints"]] == [3 * NS, 4 * NS]
    assert kept.commands == [(3 * NS, [3.0]), (4 * NS, [4.0])] and kept.apart_ns == 0


def test_a_flood_fills_no_memory(monkeypatch):
    monkeypatch.setattr(module, "MOST", 8)
    kept = Ledger()
    for k in range(100):
        kept.note("alarms", Record(k, True, k))
        kept.command(k, [0.0])
    assert len(kept.records["alarms"]) <= 8 and len(kept.commands) <= 8
    assert kept.records["alarms"][-1].arrival_ns == 99  # the oldest are forgotten


def test_commands_become_a_trace():
    kept = Ledger(commands=[(10 * NS, [0.0, 1.0]), (10 * NS + 20 * MS, [0.5, 1.5])])
    trace, t0 = kept.trace()
    assert t0 == 10 * NS
    np.testing.assert_allclose(trace["command_t"], [0.0, 0.02])
    np.testing.assert_allclose(trace["command"], [[0.0, 1.0], [0.5, 1.5]])
    assert Ledger().trace()[1] == 0


def rows(*arrivals_ms, genuine=True):
    return [Record(ms * MS, genuine, ms * MS) for ms in arrivals_ms]


def test_gaps_by_hand():
    assert largest_gap_s(rows(0, 10, 20, 90, 100), 15 * MS, 105 * MS) == pytest.approx(0.070)
    assert largest_gap_s(rows(0, 10, 20), 15 * MS, 100 * MS) == pytest.approx(0.080)  # silent to the end
    assert largest_gap_s([], 0, NS) == 0.0
    assert largest_gap_s(rows(50), 10 * MS, 60 * MS) == 0.0  # nothing is known from before
    corrupted = [*rows(0, 10), *rows(20, 30, 40, genuine=False), *rows(50)]
    assert largest_gap_s(corrupted, 10 * MS, 50 * MS) == pytest.approx(0.040)


def test_an_old_message_that_just_arrived_closes_no_gap():
    late = [Record(0, True, 0), Record(50 * MS, True, 5 * MS), Record(100 * MS, True, 100 * MS)]
    assert largest_gap_s(late, 10 * MS, 100 * MS) == pytest.approx(0.095)
