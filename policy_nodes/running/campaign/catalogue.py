"""Every fault of the campaign with its declared reaction. Adding one is adding one entry.

A fault is either answered by a *stop* for one of its declared reasons, not later than one control period after it
becomes observable, or it must be *tolerated*: the policy goes on, possibly DEGRADED. What makes a fault observable is
declared too (:class:`Shows`), from the configured timeouts and not from what the implementation happens to do.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import Enum

from policy_nodes.running.campaign import streams
from policy_nodes.running.campaign.streams import Maker
from policy_nodes.safety.reasons import Reason


class Shows(str, Enum):
    """From which moment the safety layer could know."""

    AT_ONCE = "at once"
    """The event itself: a button, a clock that jumped, a rival that appeared in the graph."""
    FIRST = "first bad message"
    REJECTS = "as many bad messages in a row as are tolerated"
    SILENCE = "the last good message older than its limit"
    CHUNK_END = "the last good chunk ended and its extrapolation is over"
    DISTANCE = "commands and measurement further apart than allowed"
    NEVER = "never: it must be tolerated"


@dataclass(frozen=True)
class Stream:
    """A corrupted stream of messages."""

    name: str
    corrupt: Maker


@dataclass(frozen=True)
class Process:
    """A signal to the process of a node."""

    node: str
    signal: signal.Signals


@dataclass(frozen=True)
class Stall:
    """The control loop stands still for some time: the process is not scheduled."""

    seconds: float


@dataclass(frozen=True)
class ClockStep:
    """The machine's clock is set, by a time service or by hand."""

    seconds: float


@dataclass(frozen=True)
class Load:
    """A foreign process takes ``kind`` (``cpu`` or ``memory``)."""

    kind: str


@dataclass(frozen=True)
class Order:
    """Something an operator or another node does: ``estop``, ``disable``, ``rival``, ``swap_bundle``."""

    name: str


Injection = Stream | Process | Stall | ClockStep | Load | Order


@dataclass(frozen=True)
class Case:
    """One fault.

    Attributes:
        name: key on the command line and in files.
        description: what happens, in words.
        inject: what is done.
        shows: when it could be known; NEVER for faults that are tolerated.
        reasons: supervisor reasons that name it rightly; empty for tolerated faults.
        moving_only: observable only while the robot moves; at rest nothing may happen.
        live: can be injected into live nodes.
        rehearsed: can be injected on the simulated clock.
        restarts: live, nodes are new afterwards: the case gets a session of its own.
        latches: the stop needs a reset.
    """

    name: str
    description: str
    inject: Injection
    shows: Shows
    reasons: tuple[Reason, ...] = ()
    moving_only: bool = False
    live: bool = True
    rehearsed: bool = True
    restarts: bool = False
    latches: bool = True

    @property
    def tolerated(self) -> bool:
        """Whether the policy must go on."""
        return self.shows is Shows.NEVER


R, S = Reason, Shows
NAN, INF = float("nan"), float("inf")


def _joints() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason, **more: bool) -> Case:
        return Case(f"joints_{name}", f"joint states: {text}", Stream("joints", maker), shows, reasons, **more)

    return [
        case("drop", "none arrives any more", streams.drop, S.SILENCE, R.JOINT_STATE_STALE),
        case("delay", "arrive 0.4 s late", streams.delay(0.4), S.SILENCE, R.JOINT_STATE_STALE),
        case("duplicate", "arrive twice", streams.duplicate, S.NEVER),
        case("reorder", "swapped in pairs", streams.reorder, S.NEVER),
        case("nan", "one position is NaN", streams.element(1, NAN), S.REJECTS, R.JOINT_STATE_NOT_FINITE),
        case("inf", "one position is infinite", streams.element(0, INF), S.REJECTS, R.JOINT_STATE_NOT_FINITE),
        case("jump", "all positions off by 1 rad", streams.jump(1.0), S.REJECTS, R.JOINT_JUMP, R.JOINT_OUT_OF_LIMITS),
        case("freeze", "the same positions with fresh stamps", streams.freeze, S.DISTANCE, R.TRACKING_LOST,
             moving_only=True),
        case("wrong_order", "values do not belong to their names", streams.wrong_order, S.REJECTS, R.JOINT_JUMP,
             R.JOINT_OUT_OF_LIMITS),
        case("permuted", "names and values in another order", streams.permuted, S.NEVER),
        case("wrong_length", "one joint is missing by name", streams.shorten, S.SILENCE, R.JOINT_STATE_STALE,
             rehearsed=False),
        case("short", "one joint too few reaches the governor", streams.shorten, S.REJECTS, R.JOINT_STATE_MALFORMED,
             live=False),
        case("stale_stamp", "the stamp stands still", streams.stale_stamp, S.SILENCE, R.JOINT_STATE_STALE),
        case("future_stamp", "stamped 0.5 s ahead", streams.shift_stamp(0.5), S.REJECTS, R.JOINT_STATE_FROM_FUTURE),
        case("past_stamp", "stamps went back 0.5 s", streams.shift_stamp(-0.5), S.REJECTS, R.JOINT_STATE_OUT_OF_ORDER),
        case("out_of_limits", "one joint beyond its range", streams.element(1, 9.0), S.REJECTS, R.JOINT_OUT_OF_LIMITS,
             R.JOINT_JUMP),
        case("lossy", "every second one is lost", streams.thin(2), S.NEVER),
    ]  # fmt: skip


def _objects() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason, **more: bool) -> Case:
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


def _chunks() -> list[Case]:
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason, **more: bool) -> Case:
        return Case(f"chunks_{name}", f"action chunks: {text}", Stream("chunks", maker), shows, reasons, **more)

    ended = R.CHUNK_EXHAUSTED
    return [
        case("drop", "none arrives any more", streams.drop, S.CHUNK_END, ended),
        case("delay", "arrive 0.6 s late: slow inference", streams.delay(0.6), S.CHUNK_END, ended),
        case("duplicate", "arrive twice", streams.duplicate, S.NEVER),
        case("reorder", "swapped in pairs", streams.reorder, S.NEVER),
        case("nan", "one joint is NaN", streams.element(-1, NAN), S.CHUNK_END, ended),
        case("inf", "one joint is infinite", streams.element(0, INF), S.CHUNK_END, ended),
        case("jump", "off by 0.8 rad", streams.jump(0.8), S.FIRST, R.COMMAND_FAR_FROM_STATE),
        case("wrong_order", "values do not belong to their names", streams.wrong_order, S.FIRST,
             R.COMMAND_FAR_FROM_STATE),
        case("permuted", "names and values in another order", streams.permuted, S.NEVER),
        case("wrong_length", "one joint is missing", streams.shorten, S.CHUNK_END, ended),
        case("stale_stamp", "the stamp stands still", streams.stale_stamp, S.CHUNK_END, ended),
        case("future_stamp", "stamped 0.5 s ahead", streams.shift_stamp(0.5), S.CHUNK_END, ended),
        case("past_stamp", "answers to what was seen 1 s ago", streams.shift_stamp(-1.0), S.CHUNK_END, ended),
        case("flood", "50 copies of each, slightly later stamped", streams.flood(50), S.NEVER),
    ]  # fmt: skip


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
    def case(name: str, text: str, maker: Maker, shows: Shows, *reasons: Reason, **more: bool) -> Case:
        return Case(f"commands_{name}", f"way to the robot: {text}", Stream("commands", maker), shows, reasons, **more)

    return [
        case("drop", "commands do not reach the drives", streams.drop, S.DISTANCE, R.TRACKING_LOST, moving_only=True),
        case("duplicate", "commands arrive twice", streams.duplicate, S.NEVER),
        case("shorten", "one joint's command is lost: the driver drops the message", streams.shorten, S.DISTANCE,
             R.TRACKING_LOST, moving_only=True),
    ]  # fmt: skip


def _machine() -> list[Case]:
    stop, kill = signal.SIGSTOP, signal.SIGKILL
    ended, lost = (R.CHUNK_EXHAUSTED,), (R.MONITOR_LOST,)
    robot_lost = (R.JOINT_STATE_STALE, R.OBSERVATION_STALE)
    return [
        Case("policy_stopped", "SIGSTOP to the policy", Process("policy_node", stop), S.CHUNK_END, ended),
        Case("policy_killed", "SIGKILL to the policy", Process("policy_node", kill), S.CHUNK_END, ended, restarts=True),
        Case("monitor_stopped", "SIGSTOP to the failure monitor", Process("monitor_node", stop), S.SILENCE, lost),
        Case("monitor_killed", "SIGKILL to the failure monitor", Process("monitor_node", kill), S.SILENCE, lost,
             restarts=True),
        Case("robot_stopped", "SIGSTOP to the (simulated) robot", Process("sim_node", stop), S.SILENCE, robot_lost),
        Case("robot_killed", "SIGKILL to the (simulated) robot", Process("sim_node", kill), S.SILENCE, robot_lost,
             restarts=True),
        Case("loop_stalled", "the safety process is not scheduled for 0.6 s", Stall(0.6), S.AT_ONCE,
             (R.CLOCK_JUMP, R.JOINT_STATE_STALE)),
        Case("loop_late", "the safety process is not scheduled for 0.05 s", Stall(0.05), S.NEVER),
        Case("clock_forward", "the clock is set 1 s ahead", ClockStep(1.0), S.AT_ONCE, (R.CLOCK_JUMP,), live=False),
        Case("clock_back", "the clock is set 1 s back", ClockStep(-1.0), S.AT_ONCE, (R.CLOCK_JUMP,), live=False),
        Case("cpu_hog", "two foreign processes take every core", Load("cpu"), S.NEVER, rehearsed=False),
        Case("memory_pressure", "a foreign process takes 1 GB of memory", Load("memory"), S.NEVER, rehearsed=False),
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
    for group in (_joints, _objects, _chunks, _monitor, _commands, _machine, _orders)
    for case in group()
}
"""All faults by name, in the order of the report."""
