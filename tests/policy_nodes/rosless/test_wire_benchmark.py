import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

import policy_nodes.rosless.activate as activate

pytestmark = pytest.mark.skipif(activate.STACK != "rosless", reason="a real ROS 2 is used")

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "wire.py"


@pytest.fixture(scope="module")
def wire():
    spec = importlib.util.spec_from_file_location("wire_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_payloads_have_the_sizes_they_are_named_after(wire):
    from policy_nodes.rosless.idl import message_class, serialize

    cls = message_class("sensor_msgs/msg/JointState")
    sizes = {name: len(serialize(wire.fill(cls(), full))) for name, full in wire.PAYLOADS.items()}
    assert sizes["300 B"] == pytest.approx(300, abs=20) and sizes["1.3 kB"] == pytest.approx(1300, abs=50)
    assert 0 <= wire.age_ns(wire.stamp(cls())) < 1_000_000_000


def test_a_short_run_measures_every_stack(tmp_path):
    options = ["--passes", "1", "--seconds", "0.4", "--rates", "100", "--payloads", "300 B"]
    done = subprocess.run(
        [sys.executable, SCRIPT, *options, "--output", tmp_path / "wire.json"],
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "rclpy: not here" in done.stdout
    rows = json.loads((tmp_path / "wire.json").read_text())["rows"]
    assert {(row["mode"], row["stack"]) for row in rows} == {
        (mode, stack) for mode in ("one way", "round trip") for stack in ("udp", "cyclone", "rosless")
    }
    for row in rows:
        assert 0 < row["p50"] <= row["p99"] <= row["p99.9"] <= row["max"] < 400_000
        assert (row["ratio"] == 1.0) == (row["stack"] == "udp") and row["lost"] <= 5
