"""``keel run``: what it refuses, and a whole run over the launch file with a scripted robot."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.commands.run import Args, launch_arguments, run, summary
from policy_nodes.errors import ConfigError
from policy_nodes.launching.packages import share_directory
from tests.policy_nodes.camera_bundle import camera_bundle
from tests.policy_nodes.nodes.bundles import drifting_bundle

LAUNCH = share_directory("keel", {}) / "launch"
ROOT = Path(__file__).parents[3]
SIMULATOR = "tests.policy_nodes.nodes.scripted_robot:ScriptedRobot"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return drifting_bundle(tmp_path_factory.mktemp("bundle"), 0.0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"faults": ("policy_stopped",)}, "simulated robot only"),
        ({"enable": True, "sim": True}, "--enable is for a robot"),
        ({"episodes": -1, "sim": True}, "negative"),
        ({"episode_timeout": 0.0}, "negative"),
    ],
)
def test_contradictions_are_refused_first(options, text):
    with pytest.raises(ConfigError, match=text):
        run(Args(Path("/nowhere.keel"), **options))


def test_launch_arguments(path):
    bundle = load_bundle(path)
    given = launch_arguments(Args(path, sim=True, seed=3), bundle, LAUNCH / "manipulation.launch.yaml", Path("/out"))
    assert given["command_topic"] == bundle.manifest.actions.command_topic
    assert (given["sim"], given["seed"], given["monitor"], given["record"]) == ("true", "3", "false", "true")
    assert "simulator" not in given and given["record_directory"] == "/out"
    robot = launch_arguments(Args(path), bundle, LAUNCH / "robot.launch.yaml", Path("/out"))
    assert "sim" not in robot and robot["record"] == "false"
    with pytest.raises(ConfigError, match=r"robot\.launch\.yaml has no argument 'sim'"):
        launch_arguments(Args(path, sim=True), bundle, LAUNCH / "robot.launch.yaml", Path("/out"))


def test_a_policy_with_cameras_is_not_simulated_blind(tmp_path):
    bundle = load_bundle(camera_bundle(tmp_path))
    with pytest.raises(ConfigError, match=r"cameras \(/top/image_raw, /wrist/image_raw\), and no simulator"):
        launch_arguments(Args(bundle.path, sim=True), bundle, LAUNCH / "manipulation.launch.yaml", tmp_path)
    given = launch_arguments(Args(bundle.path), bundle, LAUNCH / "manipulation.launch.yaml", tmp_path)
    assert given["sim"] == "false"


def test_summary():
    fault = {"name": "x", "passed": True, "reason": "ESTOP", "backup": "hold", "recovered": True, "reaction_s": 0.02}
    fault |= {"since_injection_s": 0.03, "limits_respected": True}
    silent = {"name": "y", "passed": False, "reason": "", "backup": "", "recovered": False}
    lines = summary({"faults": [fault, silent], "episodes": [{"success": True}, {"success": False}]})
    assert lines[0].startswith("fault x: ok: ESTOP -> hold, 20 ms after it was observable, 30 ms after injection")
    assert "NOT HANDLED: no reason -> no backup, no reaction" in lines[1]
    assert lines[2] == "live episodes: 1/2 succeeded"


def keel_run(path, *options):
    """Start the command in its own session; its children have sessions of their own."""
    return subprocess.Popen(
        [sys.executable, "-m", "policy_nodes.cli", "run", str(path), *map(str, options)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, start_new_session=True,
        env={**os.environ, "COLUMNS": "40"},
    )  # fmt: skip


def children_of(output):
    """Node processes whose command line mentions this run's output directory or bundle."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "policy_nodes.nodes._entry" in words and str(output) in words:
            found.append(words)
    return found


@pytest.mark.ros
def test_a_whole_run_is_short_on_the_screen_and_whole_on_disk(path, tmp_path):
    output = tmp_path / "run"
    process = keel_run(path, "--sim", "--simulator", SIMULATOR, "--episodes", 2, "--output", output)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    lines = text.splitlines()
    assert "live episodes: 2/2 succeeded" in lines
    assert "no failure monitor: the bundle is not calibrated (keel calibrate)" in lines
    assert "  safety: ACTIVE" in lines and not [line for line in lines if line.startswith("[")]
    assert children_of(path) == []
    results = json.loads((output / "run.json").read_text())
    assert [episode["success"] for episode in results["episodes"]] == [True, True]
    assert set(results["loops"]) == {
        "safety_node tick duration", "safety_node wake-up lateness", "policy_node chunk latency",
    }  # fmt: skip
    with np.load(output / "trace.npz", allow_pickle=False) as trace:
        assert np.isfinite(trace["command"]).all() and trace["command"].shape[1] == 8
    assert not list(output.glob(".*"))
    logs = {file.name for file in (output / "logs").iterdir()}
    assert logs == {f"{name}_node.log" for name in ("sim", "safety", "policy", "recorder")} | {"launch.log"}


@pytest.mark.ros
def test_ctrl_c_in_mid_motion_leaves_nothing_behind_and_a_second_run_is_told_of_the_first(path, tmp_path):
    output = tmp_path / "run"
    process = keel_run(path, "--sim", "--simulator", SIMULATOR, "--episodes", 50, "--output", output)
    try:
        for line in process.stdout:
            if "safety: ACTIVE" in line:
                break
        second = keel_run(path, "--sim", "--output", tmp_path / "second")
        said, _ = second.communicate(timeout=30)
        assert second.returncode == 1
        assert f"ROS domain {os.environ['ROS_DOMAIN_ID']} is in use: " in said and "--domain" in said
        assert not (tmp_path / "second").exists()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert children_of(path) == []
    assert not list(output.glob(".*")) and not (output / "run.json").exists()


@pytest.mark.ros
def test_a_node_that_dies_is_named_with_its_log(path, tmp_path):
    output = tmp_path / "run"
    process = keel_run(path, "--sim", "--simulator", "no.such:Robot", "--output", output)
    text, _ = process.communicate(timeout=40)
    assert process.returncode == 1
    assert "node 'sim_node' ended with exit code 1 (sim_node: cannot load the simulator" in text
    assert f"{output}/logs/sim_node.log" in text
    assert "Traceback" not in text and children_of(path) == []


@pytest.mark.ros
def test_without_a_simulator_it_waits_for_the_robot_until_ctrl_c(path):
    process = keel_run(path)
    began = time.monotonic()
    for line in process.stdout:
        if "waiting for the robot: INIT" in line and "joint state" in line:
            break
        assert time.monotonic() - began < 20.0
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 0, text
    assert "stopping: the robot is brought to rest first" in text
    assert children_of(path) == []


@pytest.mark.parametrize(
    ("name", "robot"), [("panda_reach_avoid", "SimulatedReachAvoid"), ("go1_velocity_flat", "SimulatedGo1")]
)
def test_the_simulated_robot_follows_from_the_bundle(name, robot):
    shipped = Path(__file__).parents[3] / "examples" / f"{name}.keel"
    launch, bundle = LAUNCH / "manipulation.launch.yaml", load_bundle(shipped)
    given = launch_arguments(Args(shipped, sim=True), bundle, launch, Path("/out"))
    assert given["simulator"].endswith(f":{robot}")
    chosen = launch_arguments(Args(shipped, sim=True, simulator="my.robot:Arm"), bundle, launch, Path("/out"))
    assert chosen["simulator"] == "my.robot:Arm"
