"""The monitor node in this process, on the shipped Panda bundle: its real-time parameters and what it leaves behind."""

import gc
import json
import os
from pathlib import Path

import numpy as np
import pytest
import rclpy

from policy_nodes.nodes import realtime_options
from policy_nodes.nodes.monitor_node import MonitorNode
from policy_nodes.realtime.process import Setting

pytestmark = pytest.mark.ros
BUNDLE = Path(__file__).parents[3] / "examples" / "panda_pick_place.keel"


@pytest.fixture
def start():
    """Start a monitor node with parameters; stopped and destroyed after the test."""
    made = []

    def begin(**parameters):
        rclpy.try_shutdown()
        given = [text for key, value in parameters.items() for text in ("-p", f"{key}:={value}")]
        rclpy.init(args=["--ros-args", "-p", f"bundle:={BUNDLE}", *given])
        made.append(MonitorNode())
        made[-1].start()
        return made[-1]

    yield begin
    for node in made:
        node.stop()
        node.destroy_node()
    rclpy.try_shutdown()
    gc.unfreeze()


def see(node):
    """One fresh sample of every term, in the middle of its range."""
    stamp = node.now_ns()
    for term in node.bundle.manifest.terms:
        middle = (np.array(term.minimum) + np.array(term.maximum)) / 2
        node._on_term(term, stamp, middle)


def test_its_thread_gets_the_settings_and_its_verdicts_are_timed(start, tmp_path, monkeypatch):
    asked = []

    def configure(priority, cpus, memory, garbage):
        asked.append((priority, cpus, memory, garbage))
        return [Setting("SCHED_FIFO 30", False, "Operation not permitted; add rtprio")]

    monkeypatch.setattr(realtime_options, "configure_process", configure)
    file = tmp_path / "timing.json"
    node = start(cpus="[0, 1]", fifo_priority=30, freeze_garbage="false", timing_file=file)
    assert asked == [(30, [0, 1], False, False)]
    see(node)
    node._judge()
    assert node.health()[1] in ("nominal", "failure predicted")
    assert {"verdict p50 (ms)", "verdict max (ms)"} <= set(node.health()[2])
    assert not file.exists()
    node.trigger_deactivate()
    content = json.loads(file.read_text())
    assert content["node"] == "/monitor_node" and content["verdict"]["count"] == 1
    assert 0.0 < content["verdict"]["p50_s"] <= content["verdict"]["max_s"]


def test_by_default_only_the_garbage_is_frozen_and_nothing_is_written(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cpus, frozen = os.sched_getaffinity(0), gc.get_freeze_count()
    node = start()
    assert gc.get_freeze_count() > frozen and os.sched_getaffinity(0) == cpus
    assert node.health()[1] == "waiting for observations"
    node._judge()  # nothing was seen: no verdict, and no error
    assert node.health()[1] == "waiting for observations"
    node.trigger_deactivate()
    assert node.health()[1] == "inactive" and list(tmp_path.iterdir()) == []
