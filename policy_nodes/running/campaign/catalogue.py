"""Every fault of the campaign with its declared reaction (:mod:`.case`). Adding one is adding one entry."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

from policy_nodes.running.campaign import streams
from policy_nodes.running.campaign.case import (
    Case,
    ClockStep,
    Load,
    Order,
    Process,
    Shows,
    Stall,
    Stream,
    Throttle,
)
from policy_nodes.running.campaign.streams import Maker
from policy_nodes.safety.reasons import Reason

R, S = Reason, Shows
FAR = (R.COMMAND_FAR_FROM_STATE,)
AWAY = (R.COMMAND_FAR_FROM_STATE, R.NOT_RECOVERABLE, R.FILTER_INFEASIBLE, R.SPECIFICATION_VIOLATED)
"""A robot that does not follow is found by other layers too, whichever is the first in a given motion."""
NAN, INF = float("nan"), float("inf")


def _joints() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason, **more: Any) -> Case:
        return Case(f"joints_{name}", f"joint states: {text}", Stream("joints", maker), shows, reasons, **more)

    return [
        case("drop", "none arrives any more", streams.drop, S.SILENCE, R.JOINT_STATE_STALE),
        case("delay", "arrive 0.4 s late", streams.delay(0.4), S.SILENCE, R.JOINT_STATE_STALE),
        case("duplicate", "arrive twice", streams.duplicate, S.NEVER),
        case("reorder", "swapped in pairs", streams.reorder, S.NEVER),
        case("nan", "one position is NaN", streams.element(1, NAN), S.REJECTS, R.JOINT_STATE_NOT_FINITE),
        case("inf", "one position is infinite", streams.element(0, INF), S.REJECTS, R.JOINT_STATE_NOT_FINITE),
        # Live, the policy sees the same joint states and may plan from where they claim the robot is.
        case("jump", "all positions off by 1 rad", streams.jump(1.0), S.REJECTS, R.JOINT_JUMP, R.JOINT_OUT_OF_LIMITS,
             may_stop=FAR),
        case("freeze", "the same positions with fresh stamps", streams.freeze, S.DISTANCE, R.TRACKING_LOST,
             moving_only=True, may_stop=(*AWAY, R.FALLEN)),
        case("wrong_order", "values do not belong to their names", streams.wrong_order, S.REJECTS, R.JOINT_JUMP,
             R.JOINT_OUT_OF_LIMITS, may_stop=FAR),
        case("permuted", "names and values in another order", streams.permuted, S.NEVER),
        case("wrong_length", "one joint is missing by name", streams.shorten, S.SILENCE, R.JOINT_STATE_STALE,
             rehearsed=False),
        case("short", "one joint too few reaches the governor", streams.shorten, S.REJECTS, R.JOINT_STATE_MALFORMED,
             live=False),
        case("stale_stamp", "the stamp stands still", streams.stale_stamp, S.SILENCE, R.JOINT_STATE_STALE),
        case("future_stamp", "stamped 0.5 s ahead", streams.shift_stamp(0.5), S.REJECTS, R.JOINT_STATE_FROM_FUTURE),
        case("past_stamp", "stamps went back 0.5 s", streams.shift_stamp(-0.5), S.REJECTS, R.JOINT_STATE_OUT_OF_ORDER),
        case("out_of_limits", "one joint beyond its range", streams.element(1, 9.0), S.REJECTS, R.JOINT_OUT_OF_LIMITS,
             R.JOINT_JUMP, may_stop=FAR),
        case("lossy", "every second one is lost", streams.thin(2), S.NEVER),
    ]  # fmt: skip


def _objects() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason, **more: Any) -> Case:
        return Case(f"objects_{name}", f"object poses: {text}", Stream("objects", maker), shows, reasons, **more)

    return [
        case("drop", "none arrives any more", streams.drop, S.SILENCE, R.OBSERVATION_STALE),
        case("delay", "arrive 0.4 s late", streams.delay(0.4), S.SILENCE, R.OBSERVATION_STALE),
        case("duplicate", "arrive twice", streams.duplicate, S.NEVER),
        case("reorder", "swapped in pairs", streams.reorder, S.NEVER),
        case("nan", "one coordinate is NaN", streams.element(2, NAN), S.REJECTS, R.OBSERVATION_NOT_FINITE),
        case("inf", "one coordinate is infinite", streams.element(0, -INF), S.REJECTS, R.OBSERVATION_NOT_FINITE),
        case("out_of_range", "an object 9 m away", streams.element(0, 9.0), S.REJECTS, R.OBSERVATION_OUT_OF_RANGE),
        case("stale_stamp", "the stamp stands still", streams.stale_stamp, S.SILENCE, R.OBSERVATION_STALE),
        case("future_stamp", "stamped 0.5 s ahead", streams.shift_stamp(0.5), S.REJECTS, R.OBSERVATION_FROM_FUTURE),
        case("past_stamp", "stamps went back 0.5 s", streams.shift_stamp(-0.5), S.REJECTS, R.OBSERVATION_OUT_OF_ORDER),
        case("wrong_length", "one coordinate is missing", streams.shorten, S.REJECTS, R.OBSERVATION_MALFORMED,
             live=False),
    ]  # fmt: skip


def _imu() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason) -> Case:
        return Case(f"imu_{name}", f"inertial unit: {text}", Stream("imu", maker), shows, reasons)

    faults = [
        case("drop", "none arrives any more", streams.drop, S.SILENCE, R.OBSERVATION_STALE),
        case("delay", "arrive 0.4 s late", streams.delay(0.4), S.SILENCE, R.OBSERVATION_STALE),
        case("duplicate", "arrive twice", streams.duplicate, S.NEVER),
        case("reorder", "swapped in pairs", streams.reorder, S.NEVER),
        case("nan", "one angular rate is NaN", streams.element(4, NAN), S.REJECTS, R.OBSERVATION_NOT_FINITE),
        case("inf", "one angular rate is infinite", streams.element(5, INF), S.REJECTS, R.OBSERVATION_NOT_FINITE),
        case("out_of_range", "turns at 90 rad/s", streams.element(6, 90.0), S.REJECTS, R.OBSERVATION_OUT_OF_RANGE),
        case("stale_stamp", "the stamp stands still", streams.stale_stamp, S.SILENCE, R.OBSERVATION_STALE),
        case("future_stamp", "stamped 0.5 s ahead", streams.shift_stamp(0.5), S.REJECTS, R.OBSERVATION_FROM_FUTURE),
        case("past_stamp", "stamps went back 0.5 s", streams.shift_stamp(-0.5), S.REJECTS, R.OBSERVATION_OUT_OF_ORDER),
        case("overturned", "the robot lies on its back", streams.overwrite(0, (1.0, 0.0, 0.0, 0.0)), S.FIRST, R.FALLEN),
    ]
    # A gait that reads nonsense may leap before as many bad samples have come.
    return [replace(fault, may_stop=FAR) if fault.shows is S.REJECTS else fault for fault in faults]


def _drive() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason) -> Case:
        return Case(f"drive_{name}", f"velocity commands: {text}", Stream("drive", maker), shows, reasons)

    faults = [
        case("drop", "none arrives any more: it stands", streams.drop, S.NEVER),
        case("duplicate", "arrive twice", streams.duplicate, S.NEVER),
        case("nan", "NaN ahead", streams.element(0, NAN), S.REJECTS, R.OBSERVATION_NOT_FINITE),
        case("out_of_range", "9 m/s ahead", streams.element(0, 9.0), S.REJECTS, R.OBSERVATION_OUT_OF_RANGE),
    ]
    # A policy that is told nonsense publishes nothing, and its chunks end before as many bad commands have come.
    return [fault if fault.tolerated else replace(fault, may_stop=(R.CHUNK_EXHAUSTED,)) for fault in faults]


def _chunks() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason, **more: Any) -> Case:
        return Case(f"chunks_{name}", f"action chunks: {text}", Stream("chunks", maker), shows, reasons, **more)

    ended = R.CHUNK_EXHAUSTED
    # In a fast motion the tail of the last good chunk runs further ahead than the limits let the robot follow.
    faults = [
        case("drop", "none arrives any more", streams.drop, S.CHUNK_END, ended),
        case("delay", "arrive 1.5 s late: slow inference", streams.delay(1.5), S.CHUNK_END, ended),
        case("duplicate", "arrive twice", streams.duplicate, S.NEVER),
        # Half as many good ones arrive: tolerated as long as a chunk outlasts two chunk periods and the inference.
        case("reorder", "swapped in pairs", streams.reorder, S.NEVER, may_stop=(ended,)),
        case("nan", "one joint is NaN", streams.element(-1, NAN), S.CHUNK_END, ended),
        case("inf", "one joint is infinite", streams.element(0, INF), S.CHUNK_END, ended),
        case("jump", "off by 3 rad", streams.jump(3.0), S.FIRST, R.COMMAND_FAR_FROM_STATE),
        case("wrong_order", "values do not belong to their names", streams.wrong_order, S.FIRST,
             R.COMMAND_FAR_FROM_STATE),
        case("permuted", "names and values in another order", streams.permuted, S.NEVER),
        case("wrong_length", "one joint is missing", streams.shorten, S.CHUNK_END, ended),
        case("wrong_points", "the last point is missing", streams.truncate, S.CHUNK_END, ended),
        case("stale_stamp", "the stamp stands still", streams.stale_stamp, S.CHUNK_END, ended),
        case("future_stamp", "stamped 0.5 s ahead", streams.shift_stamp(0.5), S.CHUNK_END, ended),
        case("past_stamp", "answers to what was seen 1.5 s ago", streams.shift_stamp(-1.5), S.CHUNK_END, ended),
        case("flood", "50 copies of each, slightly later stamped", streams.flood(50), S.NEVER),
    ]  # fmt: skip
    return [replace(fault, may_stop=FAR) if fault.shows is S.CHUNK_END else fault for fault in faults]


def _monitor() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason) -> Case:
        return Case(f"alarms_{name}", f"failure monitor: {text}", Stream("alarms", maker), shows, reasons)

    return [
        case("drop", "falls silent", streams.drop, S.SILENCE, R.MONITOR_LOST),
        case("raised", "predicts a failure", streams.alarm, S.FIRST, R.FAILURE_PREDICTED),
        case("nan", "its scores are NaN", streams.element(0, NAN), S.FIRST, R.FAILURE_PREDICTED),
        case("flood", "1000 quiet verdicts at once, again and again", streams.flood(1000), S.NEVER),
        case("duplicate", "every verdict twice", streams.duplicate, S.NEVER),
    ]


def _commands() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason, **more: Any) -> Case:
        return Case(f"commands_{name}", f"way to the robot: {text}", Stream("commands", maker), shows, reasons, **more)

    return [
        case("drop", "commands do not reach the drives", streams.drop, S.DISTANCE, R.TRACKING_LOST, moving_only=True,
             may_stop=AWAY),
        case("duplicate", "commands arrive twice", streams.duplicate, S.NEVER),
        case("shorten", "one joint's command is lost: the driver drops the message", streams.shorten, S.DISTANCE,
             R.TRACKING_LOST, moving_only=True, may_stop=AWAY),
    ]  # fmt: skip


def _machine() -> list[Case]:
    stop, kill = signal.SIGSTOP, signal.SIGKILL
    ended, lost = (R.CHUNK_EXHAUSTED,), (R.MONITOR_LOST,)
    robot_lost = (R.JOINT_STATE_STALE, R.OBSERVATION_STALE)
    starved = (R.JOINT_STATE_STALE, R.OBSERVATION_STALE, R.CHUNK_EXHAUSTED, R.MONITOR_LOST, R.CLOCK_JUMP)
    return [
        Case("policy_stopped", "SIGSTOP to the policy", Process("policy_node", stop), S.CHUNK_END, ended,
             may_stop=FAR),
        Case("policy_killed", "SIGKILL to the policy", Process("policy_node", kill), S.CHUNK_END, ended,
             may_stop=FAR),
        Case("policy_starved", "the policy runs 20 ms, then not for 1.5 s, again and again: slow inference",
             Throttle("policy_node", 0.02, 1.5), S.CHUNK_END, ended, rehearsed=False, may_stop=FAR),
        Case("monitor_stopped", "SIGSTOP to the failure monitor", Process("monitor_node", stop), S.SILENCE, lost),
        Case("monitor_killed", "SIGKILL to the failure monitor", Process("monitor_node", kill), S.SILENCE, lost),
        Case("robot_stopped", "SIGSTOP to the (simulated) robot", Process("sim_node", stop), S.SILENCE, robot_lost),
        Case("robot_killed", "SIGKILL to the (simulated) robot", Process("sim_node", kill), S.SILENCE, robot_lost),
        Case("loop_stalled", "the safety process is not scheduled for 0.6 s", Stall(0.6), S.AT_ONCE,
             (R.CLOCK_JUMP, R.JOINT_STATE_STALE)),
        Case("loop_frozen", "the safety process is not scheduled for 2.5 s", Stall(2.5), S.AT_ONCE,
             (R.CLOCK_JUMP, R.JOINT_STATE_STALE)),
        Case("loop_late", "the safety process is not scheduled for 0.05 s", Stall(0.05), S.NEVER),
        Case("clock_forward", "the clock is set 1 s ahead", ClockStep(1.0), S.AT_ONCE, (R.CLOCK_JUMP,), live=False),
        Case("clock_back", "the clock is set 1 s back", ClockStep(-1.0), S.AT_ONCE, (R.CLOCK_JUMP,), live=False),
        Case("cpu_hog", "foreign processes of ordinary priority take every core", Load("cpu"), S.NEVER, rehearsed=False,
             may_stop=starved),
        Case("memory_pressure", "a foreign process takes 1 GB of memory", Load("memory"), S.NEVER,
             rehearsed=False, may_stop=starved),
    ]  # fmt: skip


def _orders() -> list[Case]:
    return [
        Case("estop", "the emergency stop is pressed", Order("estop"), S.AT_ONCE, (R.ESTOP,)),
        Case("disabled", "the operator disables motion", Order("disable"), S.AT_ONCE, (R.OPERATOR_DISABLE,),
             latches=False),
        Case("rival_commander", "a second node publishes commands to the robot", Order("rival"), S.AT_ONCE,
             (R.RIVAL_COMMANDER,)),
        Case("bundle_swapped", "the bundle's files are replaced under the running nodes", Order("swap_bundle"),
             S.NEVER, rehearsed=False),
    ]  # fmt: skip


CASES: dict[str, Case] = {
    case.name: case
    for group in (_joints, _objects, _imu, _drive, _chunks, _monitor, _commands, _machine, _orders)
    for case in group()
}
"""All faults by name, in the order of the report."""
