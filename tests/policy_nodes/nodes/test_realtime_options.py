"""Real-time parameters of the nodes, on a node that only answers for its parameters."""

import gc
import json
import os
from array import array
from types import SimpleNamespace

import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.nodes import realtime_options
from policy_nodes.nodes.realtime_options import REALTIME_OPTIONS, cpu_numbers, process_settings, write_timing
from policy_nodes.realtime.histogram import Histogram


class FakeNode:
    def __init__(self, **given):
        self.values = {option.name: option.default for option in REALTIME_OPTIONS} | given
        self.said = []

    def text(self, name):
        return self.values[name]

    number = text

    def get_parameter(self, name):
        return SimpleNamespace(value=self.values[name])

    def get_logger(self):
        return self

    def get_fully_qualified_name(self):
        return "/arm/safety_node"

    def warning(self, text):
        self.said.append(text)

    error = warning


@pytest.fixture(autouse=True)
def _values(monkeypatch):
    monkeypatch.setattr(realtime_options, "read", lambda node, name, kind: kind(node.values[name]))


def test_the_defaults_leave_everything_alone_but_the_garbage():
    gc.unfreeze()  # whatever ran in this process before
    cpus, node = os.sched_getaffinity(0), FakeNode()
    try:
        settings = process_settings(node)()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
    assert [setting.name for setting in settings] == ["frozen garbage collector"]
    assert os.sched_getaffinity(0) == cpus and node.said == []


def test_what_is_asked_for_is_applied_and_what_fails_is_logged_with_the_remedy(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda pid, wanted: asked.append(wanted))

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    node = FakeNode(cpus=" 1, 0", fifo_priority=40, freeze_garbage=False)
    settings = process_settings(node)()
    assert asked == [[0, 1]]
    assert [(s.name, s.achieved) for s in settings] == [("CPUs [0, 1]", True), ("SCHED_FIFO 40", False)]
    assert len(node.said) == 1 and "rtprio" in node.said[0]


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ("", None), (" ", None), ([], None), ("2", [2]), ("2, 3", [2, 3]), (2, [2]), (0, [0]),
        (array("q", [2, 3]), [2, 3]), (["0", "1"], [0, 1]),
    ],
)  # fmt: skip
def test_cpus_in_every_form_that_ros_makes_of_them(value, numbers):
    assert cpu_numbers(value) == numbers


@pytest.mark.parametrize("text", ["two", "1;2", "1,,2", "-1", "1.0", -1, array("d", [1.0]), ["a"], [1, -2], [True]])
def test_cpus_that_are_no_numbers_are_refused_before_anything_runs(text):
    with pytest.raises(ConfigError, match="cpus is") as caught:
        process_settings(FakeNode(cpus=text))
    assert caught.value.fix


def test_the_timing_file_holds_every_histogram(tmp_path):
    path = tmp_path / "new" / "timing.json"
    tick = Histogram()
    for _ in range(99):
        tick.add(0.001)
    tick.add(0.5)
    write_timing(FakeNode(timing_file=str(path)), {"tick": tick, "wake-up": Histogram()})
    content = json.loads(path.read_text())
    assert content["node"] == "/arm/safety_node"
    assert content["tick"]["count"] == 100 and content["tick"]["max_s"] == 0.5
    assert content["tick"]["p50_s"] == pytest.approx(0.001, rel=0.05)
    assert content["wake-up"]["count"] == 0


def test_nothing_is_written_unasked_or_without_a_tick(tmp_path):
    path, tick = tmp_path / "timing.json", Histogram()
    write_timing(FakeNode(timing_file=str(path)), {"tick": tick})
    tick.add(0.001)
    write_timing(FakeNode(), {"tick": tick})
    assert not path.exists()


def test_a_disk_that_refuses_is_logged_and_the_node_goes_on(tmp_path):
    tick, node = Histogram(), FakeNode(timing_file=str(tmp_path / "file" / "timing.json"))
    (tmp_path / "file").write_text("in the way")
    tick.add(0.001)
    write_timing(node, {"tick": tick})
    assert "cannot be written" in node.said[0]
