import re

import pytest

from policy_nodes.rosless import log_core
from policy_nodes.rosless.arguments import parse
from policy_nodes.rosless.clock import ROSClock
from policy_nodes.rosless.clock_type import ClockType
from policy_nodes.rosless.log_core import LoggingSeverity, Record, format_record
from policy_nodes.rosless.logging import (
    clear_config,
    get_logger,
    get_logger_effective_level,
    get_logging_severity_from_string,
    set_logger_level,
)
from policy_nodes.rosless.time import Time

pytestmark = pytest.mark.pure


@pytest.fixture(autouse=True)
def _default_levels(monkeypatch):
    clear_config()
    monkeypatch.delenv("RCUTILS_CONSOLE_OUTPUT_FORMAT", raising=False)
    yield
    clear_config()


def test_console_format(capfd):
    assert get_logger("arm.gripper").warning("careful")
    assert re.fullmatch(r"\[WARN\] \[\d{10}\.\d{9}\] \[arm\.gripper\]: careful\n", capfd.readouterr().err)


def test_levels_are_inherited():
    parent, child = get_logger("a"), get_logger("a").get_child("b")
    assert child.name == "a.b" and child.get_effective_level() == LoggingSeverity.INFO
    parent.set_level(LoggingSeverity.ERROR)
    assert child.get_effective_level() == LoggingSeverity.ERROR and not child.is_enabled_for(LoggingSeverity.WARN)
    child.set_level(LoggingSeverity.DEBUG)
    assert child.debug("seen") and not parent.info("hidden")
    assert get_logger_effective_level("ab") == LoggingSeverity.INFO  # not a child of "a"


def test_levels_from_the_command_line():
    log_core.configure(parse(["--ros-args", "--log-level", "error", "--log-level", "a:=debug"]))
    assert get_logger_effective_level("x") == LoggingSeverity.ERROR
    assert get_logger_effective_level("a.b") == LoggingSeverity.DEBUG


def test_once_and_skip_first_are_kept_per_call_site():
    logger = get_logger("filters")
    assert [logger.info("x", once=True) for _ in range(3)] == [True, False, False]
    assert [logger.info("x", skip_first=True) for _ in range(3)] == [False, True, True]


def test_throttle_follows_the_given_clock():
    logger, clock = get_logger("throttled"), ROSClock()
    clock._set_ros_time_is_active(True)
    logged = []
    for seconds in (10, 10.5, 11, 11.9, 12):
        clock.set_ros_time_override(Time(seconds=seconds, clock_type=ClockType.ROS_TIME))
        logged.append(logger.info("x", throttle_duration_sec=1.0, throttle_time_source_type=clock))
    assert logged == [True, False, True, False, True]


def test_misuse_is_refused():
    logger = get_logger("misuse")
    with pytest.raises(TypeError, match="colour"):
        logger.info("x", colour=1)
    with pytest.raises(ValueError, match="empty"):
        get_logger("")
    with pytest.raises(ValueError, match="empty"):
        logger.get_child("")
    severities = iter([LoggingSeverity.INFO, LoggingSeverity.WARN])

    def log():
        return logger.log("x", next(severities))

    assert log()
    with pytest.raises(ValueError, match="severity"):
        log()


def test_severity_names():
    assert get_logging_severity_from_string("warn") == LoggingSeverity.WARN
    with pytest.raises(RuntimeError):
        get_logging_severity_from_string("loud")


def test_custom_format():
    record = Record(1_500_000_002, LoggingSeverity.INFO, "n", "m", "f.py", "g", 7)
    template = "{time} {time_as_nanoseconds} {file_name}:{line_number} {function_name} {unknown}"
    assert format_record(record, template) == "1.500000002 1500000002 f.py:7 g {unknown}"


def test_sinks_receive_children_and_may_log_without_recursion():
    records = []

    def sink(record):
        records.append(record.name)
        get_logger("s").info("from inside")

    log_core.add_sink("s", sink)
    get_logger("s.child").info("x")
    get_logger("sx").info("x")
    log_core.remove_sink("s", sink)
    get_logger("s").info("x")
    assert records == ["s.child"]


def test_stdout_can_be_switched_off(capfd):
    log_core.configure(parse(["--ros-args", "--disable-stdout-logs"]))
    assert get_logger("quiet").info("x")
    assert capfd.readouterr().err == ""
    set_logger_level("quiet", LoggingSeverity.FATAL)
    assert not get_logger("quiet").error("x")
