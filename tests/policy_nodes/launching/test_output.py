"""Output of launched nodes without processes: whatever happens to log and console, it is read to its end."""

import io
import signal
import sys
from types import SimpleNamespace

import pytest

from policy_nodes.launching.model import NodeProcess
from policy_nodes.launching.process import Process, _pump, say
from policy_nodes.launching.runner import _spoken, _unique

pytestmark = pytest.mark.pure


def process(name="arm"):
    return Process(name, 1, SimpleNamespace(poll=lambda: None))


class FullDisk(io.StringIO):
    """Takes ``room`` lines."""

    def __init__(self, room=0):
        super().__init__()
        self.room, self.kept = room, []

    def write(self, text):
        if len(self.kept) >= self.room:
            raise OSError(28, "No space left on device")
        self.kept.append(text)
        return len(text)


def test_lines_go_to_the_tail_the_log_and_the_screen(capsys):
    made, log = process(), io.StringIO()
    log.close = lambda: None
    source = io.BytesIO(b"one\ntwo \xff\nlast without end")
    _pump(made, source, log, screen=True)
    assert list(made.tail) == ["one", "two \ufffd", "last without end"]
    assert log.getvalue() == "one\ntwo \ufffd\nlast without end\n"
    assert capsys.readouterr().out == "[arm] one\n[arm] two \ufffd\n[arm] last without end\n"
    assert source.closed


def test_only_the_last_lines_are_kept():
    made = process()
    _pump(made, io.BytesIO(b"".join(b"%d\n" % k for k in range(100))), None, screen=False)
    assert list(made.tail) == [str(k) for k in range(80, 100)]


@pytest.mark.parametrize("room", [0, 2])
def test_a_full_disk_ends_no_node(room):
    """Were reading to stop, the node's next line would raise in the node itself."""
    made, log, source = process(), FullDisk(room), io.BytesIO(b"a\nb\nc\nd\n")
    _pump(made, source, log, screen=False)
    assert list(made.tail) == ["a", "b", "c", "d"] and log.kept == ["a\n", "b\n"][:room]
    assert log.closed and source.closed


def test_a_closed_console_is_no_error(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    say("arm", "hello")
    made = process()
    _pump(made, io.BytesIO(b"a\nb\n"), None, screen=True)
    assert list(made.tail) == ["a", "b"]


def test_nodes_of_one_name_are_told_apart_everywhere():
    """Two robots in one launch file: each has a log and a prefix of its own, under the name it is spoken of."""
    nodes = [NodeProcess(name, (name, str(k))) for k, name in enumerate(["arm", "arm", "leg", "arm", "arm-2"])]
    keyed = _unique(nodes)
    assert list(keyed) == ["arm", "arm-2", "leg", "arm-3", "arm-2-2"]
    assert all(node.name == key for key, node in keyed.items())
    assert [node.command[1] for node in keyed.values()] == ["0", "1", "2", "3", "4"]
    assert nodes[1].name == "arm"  # what was resolved is left alone


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit code 0"), (3, "exit code 3"), (-signal.SIGSEGV, "SIGSEGV"), (-9, "SIGKILL"), (-250, "signal 250")],
)
def test_ends_in_words(code, words):
    assert _spoken(code) == words
