import numpy as np

from policy_nodes.safety.alarms import AlarmWatch
from policy_nodes.safety.reasons import Reason
from policy_nodes.types import Alarm
from tests.policy_nodes.safety.rig import MS, config


def say(watch: AlarmWatch, now_ms: int, active: bool, score: float = 0.5) -> None:
    watch.verdict(now_ms * MS, Alarm(now_ms * MS, active, {"ace": score}))


def test_debounce_counts_consecutive_verdicts() -> None:
    watch = AlarmWatch(config(alarm_debounce=3), required=True)
    for now, active in enumerate([True, True, False, True, True]):
        say(watch, now, active)
    assert watch.alarm() is None
    say(watch, 9, True, score=1.25)
    fault = watch.alarm()
    assert fault is not None
    assert fault.reason is Reason.FAILURE_PREDICTED
    assert fault.detail == "ace 1.25"


def test_release_needs_quiet_verdicts_in_a_row() -> None:
    watch = AlarmWatch(config(alarm_release=3), required=True)
    say(watch, 0, True)
    for now, active in enumerate([False, False, True, False, False], start=1):
        say(watch, now, active)
    assert watch.alarm() is not None
    say(watch, 9, False)
    assert watch.alarm() is None


def test_a_score_that_is_not_a_number_alarms() -> None:
    watch = AlarmWatch(config(), required=True)
    say(watch, 0, False, score=np.nan)
    assert watch.raised


def test_repeated_reordered_and_future_verdicts_are_ignored_but_show_life() -> None:
    watch = AlarmWatch(config(), required=True)
    say(watch, 100, False)
    watch.verdict(200 * MS, Alarm(100 * MS, True))
    watch.verdict(300 * MS, Alarm(50 * MS, True))
    watch.verdict(400 * MS, Alarm(500 * MS, True))
    assert not watch.raised
    assert watch.ignored == 3
    assert watch.lost(900 * MS) is None


def test_silence_of_a_required_monitor_is_a_fault() -> None:
    watch = AlarmWatch(config(), required=True)
    assert "never heard" in watch.lost(0).detail  # type: ignore[union-attr]
    watch.heartbeat(100 * MS)
    assert watch.lost(600 * MS) is None
    assert watch.lost(600 * MS + 1).reason is Reason.MONITOR_LOST  # type: ignore[union-attr]
    assert watch.lost(50 * MS).reason is Reason.MONITOR_LOST  # type: ignore[union-attr]
    assert AlarmWatch(config(), required=False).lost(0) is None


def test_slow_lasts_as_long_as_the_alarm() -> None:
    watch = AlarmWatch(config(alarm_reaction="slow", alarm_speed=0.4, alarm_release=1), required=False)
    assert watch.speed == 1.0
    say(watch, 0, True)
    assert watch.speed == 0.4
    say(watch, 1, False)
    assert watch.speed == 1.0
    stop = AlarmWatch(config(), required=False)
    say(stop, 0, True)
    assert stop.speed == 1.0


def test_a_question_stands_until_it_is_answered() -> None:
    watch = AlarmWatch(config(alarm_reaction="ask", alarm_release=1, alarm_answer_s=2.0), required=False)
    assert watch.in_motion(0) is None and watch.answer() == ""
    say(watch, 1, True)
    asked = watch.in_motion(1 * MS)
    assert asked is not None and asked.reason is Reason.FAILURE_PREDICTED and "enable to go on" in asked.detail
    say(watch, 2, False)  # the scores have calmed down: nobody has looked yet
    assert watch.in_motion(1500 * MS) is not None
    assert "acknowledged" in watch.answer()
    assert watch.in_motion(1600 * MS) is None and watch.in_motion(9000 * MS) is None


def test_an_answer_holds_until_the_alarm_is_released_and_a_new_alarm_asks_again() -> None:
    watch = AlarmWatch(config(alarm_reaction="ask", alarm_release=1, alarm_answer_s=2.0), required=False)
    say(watch, 1, True)
    watch.in_motion(1 * MS)
    watch.answer()
    say(watch, 2, True)
    assert watch.alarm() is None and watch.in_motion(2 * MS) is None
    say(watch, 3, False)
    say(watch, 4, True)
    assert watch.alarm() is not None and watch.in_motion(4 * MS) is not None


def test_a_question_that_nobody_answers_becomes_a_stop() -> None:
    watch = AlarmWatch(config(alarm_reaction="ask", alarm_answer_s=2.0), required=False)
    say(watch, 0, True)
    assert watch.in_motion(0).reason is Reason.FAILURE_PREDICTED
    assert watch.in_motion(2000 * MS).reason is Reason.FAILURE_PREDICTED
    late = watch.in_motion(2001 * MS)
    assert late.reason is Reason.ALARM_UNANSWERED and "asked 2.0 s ago" in late.detail
