"""When messages show a fault, by hand."""

import signal

import pytest

from policy_nodes.running.campaign.case import Case, Load, Process, Shows, Stall, Stream, Throttle
from policy_nodes.running.campaign.moments import NS, Limits, Record, chunks_over, observable, silent, sources
from policy_nodes.running.campaign.streams import drop

pytestmark = pytest.mark.pure

MS = NS // 1000
KNOWN = ["joints", "objects/cube", "objects/goal", "imu", "chunks", "alarms"]


def record(at, genuine=True, fresh=None, end=0):
    return Record(at * MS, genuine, (at if fresh is None else fresh) * MS, end * MS)


def case(shows, inject=None):
    return Case("x", "x", inject or Stream("joints", drop), shows)


def limits(age=100, hold=50, rejects=3, **more):
    ages = dict.fromkeys(KNOWN, age * MS) | {key: value * MS for key, value in more.items()}
    return Limits(ages, hold * MS, rejects)


def when(shows, rows, injected=1000, until=5000, inject=None, **options):
    found = observable(case(shows, inject), rows, injected * MS, until * MS, limits(**options))
    return None if found is None else found / MS


@pytest.mark.parametrize(
    ("inject", "expected"),
    [
        (Stream("objects", drop), ["objects/cube", "objects/goal"]),
        (Stream("imu", drop), ["imu"]),
        (Stream("object", drop), []),
        (Process("policy_node", signal.SIGSTOP), ["chunks"]),
        (Process("monitor_node", signal.SIGKILL), ["alarms"]),
        (Process("sim_node", signal.SIGSTOP), ["joints", "objects/cube", "objects/goal"]),
        (Throttle("policy_node", 0.1, 0.1), ["chunks"]),
        (Stall(1.0), []),
        (Load("cpu"), []),
    ],
)
def test_which_sources_a_fault_touches(inject, expected):
    assert sources(case(Shows.FIRST, inject), KNOWN) == expected


def test_the_first_bad_message_after_the_injection():
    rows = [record(900, False), record(999, False), record(1000), record(1020, False), record(1030, False)]
    assert when(Shows.FIRST, {"joints": rows}) == 1020
    assert when(Shows.FIRST, {"joints": rows[:3]}) is None
    assert when(Shows.FIRST, {"joints": rows}, until=1019) is None
    assert when(Shows.FIRST, {"joints": [record(1000, False)]}) == 1000  # at the very instant


def test_as_many_bad_messages_as_are_one_too_many():
    rows = [record(1010, False), record(1020, False), record(1030, False), record(1040, False)]
    assert when(Shows.REJECTS, {"joints": rows}) == 1030
    assert when(Shows.REJECTS, {"joints": rows}, rejects=1) == 1010
    assert when(Shows.REJECTS, {"joints": rows[:2]}) is None
    assert when(Shows.REJECTS, {"joints": [record(990, False), *rows[:2]]}) is None  # earlier ones do not count


def test_the_earliest_of_several_sources():
    rows = {"objects/cube": [record(1050, False)], "objects/goal": [record(1040, False)], "joints": [record(1, False)]}
    assert when(Shows.FIRST, rows, inject=Stream("objects", drop)) == 1040


def test_silence_begins_with_the_newest_good_message():
    good = [record(960), record(980), record(1000)]
    assert when(Shows.SILENCE, {"joints": good}) == 1100
    assert when(Shows.SILENCE, {"joints": [*good, record(1020, False), record(1050, False)]}) == 1100
    assert when(Shows.SILENCE, {"joints": good}, until=1099) is None


def test_a_late_message_counts_by_its_stamp():
    assert when(Shows.SILENCE, {"joints": [record(1000), record(1090, fresh=1010)]}) == 1110


def test_a_message_after_the_silence_changes_nothing():
    assert silent([record(1000), record(1101)], 100 * MS, 1000 * MS) == 1100 * MS
    assert silent([record(1000), record(1100)], 100 * MS, 1000 * MS) == 1200 * MS  # not yet older than allowed


def test_gaps_before_the_injection_are_none_of_the_faults():
    assert silent([record(100), record(900), record(990)], 100 * MS, 1000 * MS) == 1090 * MS


def test_an_old_message_does_not_make_the_source_older():
    assert silent([record(1000), record(1010, fresh=500)], 100 * MS, 1000 * MS) == 1100 * MS


@pytest.mark.parametrize(
    ("rows", "over"),
    [
        ([record(900, end=1300)], 1350),
        ([record(900, end=1300), record(1200, end=1600)], 1650),
        ([record(900, end=1300), record(1350, end=1700)], 1750),  # at the last moment of the hold
        ([record(900, end=1300), record(1351, end=1700)], 1350),  # a moment too late
        ([record(900, end=1300), record(1200, genuine=False, end=1600)], 1350),
        ([record(900, end=1300), record(1200, end=1100)], 1350),  # over before it came
        ([record(900, end=1300), record(950, end=1250)], 1350),  # an older one after a newer one
        ([], 50),
    ],
)
def test_when_the_last_good_chunk_and_its_hold_are_over(rows, over):
    assert chunks_over(rows, 50 * MS, 1000 * MS) == over * MS


def test_chunks_of_a_stopped_policy():
    rows = {"chunks": [record(900, end=1300)]}
    assert when(Shows.CHUNK_END, rows, inject=Process("policy_node", signal.SIGSTOP)) == 1350


@pytest.mark.parametrize("shows", [Shows.AT_ONCE, Shows.DISTANCE, Shows.NEVER])
def test_kinds_that_messages_do_not_show(shows):
    assert when(shows, {"joints": [record(1010, False)]}) is None
