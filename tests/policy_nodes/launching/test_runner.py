import os
import signal
import subprocess
import sys
import time

import pytest

from policy_nodes.launching import LaunchError, LaunchRunner, ros2_launch_command
from policy_nodes.launching.priority import prefer

from .ament import alive, ament_environment


def until(condition, seconds=8.0):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(0.01)
    return result


@pytest.fixture
def make(tmp_path):
    env = ament_environment(tmp_path / "ament")
    runners = []

    def make_(*nodes, **options):
        path = tmp_path / "x.launch.yaml"
        path.write_text("launch:\n" + "".join(f"- node: {{pkg: demo, {node}}}\n" for node in nodes))
        runners.append(LaunchRunner(path, {}, env=env, **options))
        return runners[-1]

    yield make_
    for runner in runners:
        runner.shutdown(0.2)


def test_output_is_prefixed_and_logged(make, tmp_path, capfd):
    runner = make(
        "exec: sleeper, name: a, args: world, output: screen",
        "exec: sleeper, name: b, args: quiet",
        log_dir=tmp_path / "log",
    )
    runner.start()
    assert list(runner.processes) == ["a", "b"] and runner.running
    until(
        lambda: (
            (tmp_path / "log/a.log").read_text() + (tmp_path / "log/b.log").read_text() == "hello world\nhello quiet\n"
        )
    )
    codes = runner.shutdown()
    assert codes == {"a": -signal.SIGINT, "b": -signal.SIGINT} and not runner.running
    printed = capfd.readouterr().out
    assert "[a] hello world\n" in printed and "hello quiet" not in printed
    assert not any(alive(process.pid) for process in runner.processes.values())


def test_a_process_is_started_anew_whether_it_runs_or_was_killed(make, tmp_path):
    runner = make("exec: sleeper, name: a, args: x", "exec: sleeper, name: b, args: y", log_dir=tmp_path)
    runner.start()
    kept, first = runner.processes["b"].pid, runner.processes["a"].pid
    os.kill(first, signal.SIGKILL)
    runner.processes["a"].popen.wait()
    runner.restart("a")
    second = runner.processes["a"].pid
    assert second != first and runner.processes["a"].returncode is None
    runner.restart("a")  # one that still runs is ended first
    assert runner.processes["a"].pid != second and not alive(second)
    assert runner.processes["b"].pid == kept and runner.poll() == {}


def test_processes_run_before_others_where_permitted(make):
    runner = make("exec: sleeper, name: a, args: x", nice=-1)
    runner.start()
    pid = runner.processes["a"].pid
    permitted = prefer(pid, -1)
    assert os.getpriority(os.PRIO_PROCESS, pid) == (-1 if permitted else os.getpriority(os.PRIO_PROCESS, 0))


def test_poll_reports_each_end_once_and_shows_why(make, tmp_path, capfd):
    runner = make("exec: failing, name: bad", "exec: failing, name: bad", log_dir=tmp_path)
    runner.start()
    ended = {}
    until(lambda: ended.update(runner.poll()) or len(ended) == 2)
    assert ended == {"bad": 3, "bad-2": 3} and runner.poll() == {}
    printed = capfd.readouterr().out
    assert "[bad] about to fail" in printed and "[launch] bad: ended with exit code 3" in printed


def test_respawn_after_the_delay(make):
    runner = make("exec: failing, name: a, respawn: true, respawn_delay: 0.2")
    runner.start()
    first = runner.processes["a"].pid
    start = time.monotonic()
    until(lambda: runner.poll() == {} and runner.processes["a"].pid != first)
    assert time.monotonic() - start >= 0.2
    runner.shutdown()
    assert runner.poll() == {} or not runner.running


def test_escalation_reaches_the_deaf_and_the_stopped(make):
    runner = make("exec: stubborn, name: deaf", "exec: polite, name: stopped")
    runner.start()
    until(lambda: all(process.tail for process in runner.processes.values()))
    os.kill(runner.processes["stopped"].pid, signal.SIGSTOP)
    start = time.monotonic()
    codes = runner.shutdown(timeout_s=0.3)
    assert codes == {"deaf": -signal.SIGKILL, "stopped": 0}
    assert time.monotonic() - start < 5.0 and "bye" in runner.processes["stopped"].tail


@pytest.mark.parametrize("executable", ["parent", "orphaning"])
def test_grandchildren_end_too(make, executable):
    runner = make(f"exec: {executable}, name: a")
    runner.start()
    tail = runner.processes["a"].tail
    grandchild = int(until(lambda: list(tail))[0].split()[1])
    if executable == "orphaning":
        until(lambda: runner.poll())
    runner.shutdown()
    until(lambda: not alive(grandchild))


def test_a_failed_start_ends_what_was_started(make, tmp_path):
    runner = make("exec: sleeper, name: good", "exec: sleeper, name: gone")
    script = tmp_path / "ament/lib/demo/late"
    nodes = runner._nodes
    nodes["gone"] = type(nodes["gone"])("gone", (str(script),))
    with pytest.raises(LaunchError, match="cannot start 'gone'"):
        runner.start()
    assert not runner.running and not alive(runner.processes["good"].pid)
    with pytest.raises(LaunchError, match="before"):
        runner.start()


def test_context_manager_ends_everything_on_an_exception(make):
    runner = make("exec: sleeper, name: a")
    with pytest.raises(KeyError), runner:
        raise KeyError
    assert runner.processes["a"].returncode == -signal.SIGINT


def _launcher(tmp_path, body):
    """A separate Python process that launches the deaf script and prints its pid."""
    env = ament_environment(tmp_path / "ament")
    (tmp_path / "x.launch.yaml").write_text("launch:\n- node: {pkg: demo, exec: stubborn, name: a, output: screen}\n")
    code = (
        "import os, sys, time, signal\nfrom policy_nodes.launching import LaunchRunner\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"runner = LaunchRunner({str(tmp_path / 'x.launch.yaml')!r}, {{}}, env={env!r})\nrunner.start()\n"
        "a = runner.processes['a']\nwhile not a.tail: time.sleep(0.01)\n"
        f"sys.stdout.write(f'\\npid {{a.pid}}\\n'); sys.stdout.flush()\n{body}\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("pid"):
            return process, int(line.split()[1])
    raise AssertionError("the launcher ended early")


def test_children_end_when_the_launcher_is_killed(tmp_path):
    launcher, child = _launcher(tmp_path, "time.sleep(30)")
    assert alive(child)
    launcher.kill()
    launcher.wait()
    launcher.stdout.close()
    until(lambda: not alive(child), seconds=10)


def test_children_end_at_a_normal_exit_without_shutdown(tmp_path):
    launcher, child = _launcher(tmp_path, "runner.shutdown.__func__.__defaults__ = (0.2,)")
    with launcher:
        assert launcher.wait(timeout=15) == 0
    assert not alive(child)


def test_ctrl_c_during_the_shutdown_hurries_it(tmp_path):
    launcher, child = _launcher(
        tmp_path, "sys.stdout.write('\\ndown\\n'); sys.stdout.flush(); runner.shutdown(timeout_s=60)"
    )
    with launcher:
        assert any(line == "down\n" for line in iter(launcher.stdout.readline, ""))
        for _ in range(2):
            time.sleep(0.3)
            launcher.send_signal(signal.SIGINT)
        assert launcher.wait(timeout=10) in (1, -signal.SIGINT)
    assert not alive(child)


def test_without_ros_there_is_no_ros2_command(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert ros2_launch_command("x.launch.yaml", {"a": "1"}) is None
    monkeypatch.setattr("policy_nodes.launching.ros2.shutil.which", lambda name: "/opt/ros2")
    monkeypatch.setattr("policy_nodes.launching.ros2.find_spec", lambda name: object())
    assert ros2_launch_command("x.launch.yaml", {"a": "1"}) == ["/opt/ros2", "launch", "x.launch.yaml", "a:=1"]
