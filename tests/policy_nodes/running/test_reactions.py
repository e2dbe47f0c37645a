"""Faults judged from hand-made traces."""

import numpy as np
import pytest

from policy_nodes.nodes.operator import StateEvent
from policy_nodes.running.reactions import fault_record, limit_use, lost_commands, observable_at, stop_motion
from tests.policy_nodes.running.traces import CONFIG, PERIOD_S, SECOND, commands, result, trace

pytestmark = pytest.mark.pure


def judge(found, recorded=None):
    return fault_record(found, recorded or trace(), 0, PERIOD_S, 0.16, CONFIG)


def test_a_handled_fault():
    record = judge(result())
    assert record["passed"] is True
    assert record["t_injected"] == 1.0
    assert record["t_observable"] == pytest.approx(1.08)  # the chunk after that of 0.92
    assert record["t_detected"] == pytest.approx(1.1)
    assert record["t_first_backup_command"] == pytest.approx(1.102)
    assert record["reaction_s"] == pytest.approx(0.022)
    assert record["reaction_periods"] == pytest.approx(1.1)
    assert record["since_injection_s"] == pytest.approx(0.102)
    assert (record["reason"], record["backup"], record["stop_category"]) == ("CHUNK_EXHAUSTED", "jerk_limited_stop", 2)
    assert record["limits_respected"] and record["standstill"]
    assert record["max_joint_speed_after_s"] == 0.0
    # 0.5 rad/s braked by 0.09 rad/s per period: 0.41 (before the first sample), 0.32, 0.23, 0.14, 0.05 rad/s
    assert record["stop_distance_rad"] == pytest.approx(0.74 * PERIOD_S, abs=1e-9)


@pytest.mark.parametrize(
    ("found", "recorded"),
    [
        (result(recovered=False), trace()),
        (result(final_state="READY"), trace()),
        (result(events=[]), trace()),
        (result(events=[StateEvent(round(1.1 * SECOND), "BACKUP", "ESTOP", "hold", "1")]), trace()),
        (result(), trace(brake=6.0)),
        (result(), trace(end_speed=0.05)),
        (result(), trace() | {"command_t": trace()["command_t"] - 10.0}),
        (result(injected=False), trace()),
    ],
    ids=[
        "not recovered",
        "not latched",
        "no stop",
        "wrong reason",
        "limits",
        "moves on",
        "no command",
        "never injected",
    ],
)
def test_what_does_not_pass(found, recorded):
    assert judge(found, recorded)["passed"] is False


def test_nothing_is_claimed_of_a_fault_that_was_never_injected():
    record = judge(result(injected=False))
    assert "never injected" in record["description"]
    assert "t_observable" not in record and "t_detected" not in record


def test_no_stop_has_no_reaction():
    record = judge(result(events=[]))
    assert record["reason"] == "" and "reaction_s" not in record and record["t_observable"] is not None


def test_a_broken_limit_is_named_by_its_share():
    record = judge(result(), trace(brake=6.0))
    assert not record["limits_respected"]
    assert record["limit_use"]["acceleration"] == pytest.approx(6.0 / 5.0)
    assert record["limit_use"]["velocity"] == pytest.approx(0.5)


def test_the_hand_over_itself_is_judged():
    recorded = trace()
    t, position = commands()
    position[t > 1.1 - 1e-9] += 0.05  # the first backup command jumps
    use = limit_use(recorded | {"command": position}, 1.102, 1.9, CONFIG, PERIOD_S)
    assert use["velocity"] == pytest.approx((0.05 + 0.41 * PERIOD_S) / PERIOD_S)


def test_limit_use_needs_commands():
    assert limit_use(trace(), 5.0, 6.0, CONFIG, PERIOD_S) is None


def test_observable_from_the_wire():
    recorded = trace()
    assert observable_at("chunk", recorded, 0.5, 0.16) == 0.5  # no chunk before: the injection itself
    assert observable_at("chunk", recorded, 1.2, 0.16) == 1.2  # the missing chunk was due before
    cube = recorded["object_cube"].copy()
    assert observable_at("nan", recorded, 1.0, 0.16) == 1.0  # never seen
    cube[60:] = np.nan
    assert observable_at("nan", recorded | {"object_cube": cube}, 1.0, 0.16) == pytest.approx(1.2)
    moved = recorded["object_cube"].copy()
    moved[20:, 0] = 0.2  # before the injection: a new episode
    moved[55:, 1] = 0.2
    assert observable_at("jump", recorded | {"object_cube": moved}, 1.0, 0.16) == pytest.approx(1.1)


def test_stop_motion():
    motion = stop_motion(trace(), 1.1, 1.9)
    assert motion.time_to_rest_s == pytest.approx(0.101)  # the sample after five moving ones
    assert stop_motion(trace(end_speed=0.05), 1.1, 1.9).time_to_rest_s is None
    assert stop_motion(trace(end_speed=0.05), 1.1, 1.9).speed_at_end == 0.05
    assert stop_motion(trace(), 5.0, 6.0) is None


def test_a_lost_command_is_counted():
    times = np.arange(20) * 0.02
    assert lost_commands(times, 0.2, 0.3, 0.02) == 0
    assert lost_commands(np.delete(times, [11, 13]), 0.2, 0.3, 0.02) == 2
    assert lost_commands(np.delete(times, [3]), 0.2, 0.3, 0.02) == 0  # long before the stop
    assert lost_commands(np.delete(times, [19]), 0.2, 1.0, 0.02) == 0  # silence after the stop is no loss
    jitter = times + np.random.default_rng(0).uniform(-0.004, 0.004, 20)
    assert lost_commands(jitter, 0.2, 0.3, 0.02) == 0
    assert lost_commands(times[:1], 0.0, 1.0, 0.02) == 0
