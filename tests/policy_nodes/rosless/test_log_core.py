"""Levels, formats and sinks of log records."""

import pytest

from policy_nodes.rosless import log_core
from policy_nodes.rosless.arguments import parse
from policy_nodes.rosless.log_core import LoggingSeverity, Record

pytestmark = pytest.mark.pure


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    log_core.reset()
    for name in ("RCUTILS_CONSOLE_OUTPUT_FORMAT", "RCUTILS_COLORIZED_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    yield
    log_core.reset()


def record(name="arm.hand", severity=LoggingSeverity.WARN, message="careful"):
    return Record(1_700_000_000_000_000_042, severity, name, message, "f.py", "run", 7)


@pytest.fixture
def sink():
    taken, names = [], []

    def add(name):
        def take(record):
            taken.append((name, record.message))

        names.append((name, take))
        log_core.add_sink(name, take)
        return take

    add.taken = taken
    yield add
    for name, take in names:
        log_core.remove_sink(name, take)


def test_the_nearest_ancestor_decides():
    log_core.set_level("", LoggingSeverity.ERROR)
    log_core.set_level("a.b", LoggingSeverity.DEBUG)
    levels = {name: log_core.effective_level(name).name for name in ("a", "a.b", "a.b.c.d", "a.bc", "")}
    assert levels == {"a": "ERROR", "a.b": "DEBUG", "a.b.c.d": "DEBUG", "a.bc": "ERROR", "": "ERROR"}
    assert log_core.own_level("a.b.c") is LoggingSeverity.UNSET and log_core.own_level("") is LoggingSeverity.ERROR


def test_unset_gives_the_level_back_to_the_parent():
    log_core.set_level("a", LoggingSeverity.DEBUG)
    log_core.set_level("a.b", LoggingSeverity.FATAL)
    log_core.set_level("a.b", LoggingSeverity.UNSET)
    assert log_core.effective_level("a.b") is LoggingSeverity.DEBUG


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("[{severity}] [{time}] [{name}]: {message}", "[WARN] [1700000000.000000042] [arm.hand]: careful"),
        ("{time_as_nanoseconds} {file_name}:{line_number} {function_name}", "1700000000000000042 f.py:7 run"),
        ("{unknown} {message", "{unknown} {message"),
    ],
)
def test_formats(template, line):
    assert log_core.format_record(record(), template) == line


def test_braces_in_a_message_are_left_alone():
    assert log_core.format_record(record(message="{name} {0} %s"), "{message}") == "{name} {0} %s"


def test_colours_only_on_request(capfd, monkeypatch):
    log_core.emit(record())
    monkeypatch.setenv("RCUTILS_COLORIZED_OUTPUT", "1")
    log_core.emit(record())
    log_core.emit(record(severity=LoggingSeverity.INFO))
    plain, yellow, info = capfd.readouterr().err.splitlines()
    assert plain == "[WARN] [1700000000.000000042] [arm.hand]: careful"
    assert yellow == f"\x1b[33m{plain}\x1b[0m"
    assert info == plain.replace("WARN", "INFO")  # rclpy prints information in the terminal's own colour


def test_the_console_can_be_silent(capfd, sink):
    sink("arm")
    log_core.configure(parse(["--ros-args", "--disable-stdout-logs"]))
    log_core.emit(record())
    assert capfd.readouterr().err == "" and sink.taken == [("arm", "careful")]


def test_a_record_goes_to_the_nearest_sink_only(sink):
    sink("arm")
    sink("arm.hand")
    for name in ("arm.hand.thumb", "arm.hand", "arm.elbow", "arms", "leg"):
        log_core.emit(record(name, message=name))
    assert sink.taken == [("arm.hand", "arm.hand.thumb"), ("arm.hand", "arm.hand"), ("arm", "arm.elbow")]


def test_a_sink_that_logs_is_not_called_again():
    heard = []

    def sink(given):
        heard.append(given.message)
        log_core.emit(record("arm", message="while publishing"))

    log_core.add_sink("arm", sink)
    try:
        log_core.emit(record("arm", message="first"))
        log_core.emit(record("arm", message="second"))
    finally:
        log_core.remove_sink("arm", sink)
    assert heard == ["first", "second"]


def test_a_sink_that_fails_does_not_silence_the_next_record():
    heard = []

    def sink(given):
        heard.append(given.message)
        raise RuntimeError("wire")

    log_core.add_sink("arm", sink)
    try:
        for message in ("first", "second"):
            with pytest.raises(RuntimeError, match="wire"):
                log_core.emit(record("arm", message=message))
    finally:
        log_core.remove_sink("arm", sink)
    assert heard == ["first", "second"]


def test_removing_an_old_sink_leaves_the_new_one(sink):
    old = sink("arm")
    sink("arm")
    log_core.remove_sink("arm", old)
    log_core.emit(record())
    assert sink.taken == [("arm", "careful")]


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left"), ValueError("closed file")])
def test_a_console_that_is_gone_ends_no_node(monkeypatch, sink, error):
    """As with rcutils, which prints from C and looks at no return code."""

    class Gone:
        def isatty(self):
            return False

        def write(self, text):
            raise error

    sink("arm")
    monkeypatch.setattr("sys.stderr", Gone())
    log_core.emit(record())
    assert sink.taken == [("arm", "careful")]
