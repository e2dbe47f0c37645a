import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from training.commands import collect
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.reader import Dataset
from training.demonstrations.rollout import Demonstration, demonstrate


def test_a_dataset_that_the_contract_describes(dataset_path):
    dataset = Dataset.open(dataset_path)
    contract = task_contract("panda_pick_place")
    assert dataset.num_episodes == 3 and dataset.fps == 50
    assert list(dataset.features["action"].names) == contract.actions.joints
    names = dataset.features["observation.environment_state"].names
    assert names[:2] == ("cube_pose.x", "cube_pose.y") and len(names) == 14
    assert list(dataset.tasks.values()) == [contract.instruction]
    assert set(dataset.stats) >= {"action", "observation.state", "observation.environment_state"}


def test_the_resolved_options_lie_in_it(dataset_path):
    assert json.loads((dataset_path / "meta/keel_task.json").read_text()) == {"task": "panda_pick_place"}
    config = json.loads((dataset_path / "meta/keel_collect.json").read_text())
    assert config["command"] == "collect" and config["arguments"]["episodes"] == 3


def failing(every):
    def run(task, seed, noise, policy):
        real = demonstrate(task, seed % 2, noise=0.0, max_seconds=0.1)
        return Demonstration(seed, seed % every != 0, real.frames, real.instruction)

    return run


def test_failed_episodes_are_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("training.demonstrations.parallel.demonstrate", failing(3))
    assert collect.run(collect.Args(tmp_path / "d", episodes=4, workers=1)) == 0
    assert "4 episodes, 20 frames" in (out := capsys.readouterr().out) and "expert success 4/6" in out
    assert Dataset.open(tmp_path / "d").num_episodes == 4


def test_corrections_of_a_policy_beside_the_demonstrations_it_learned_from(tmp_path, dataset_path, bundle_path, capsys):
    args = collect.Args(
        tmp_path / "d", episodes=2, workers=1, seed=50, dagger=bundle_path, include=(dataset_path, dataset_path)
    )
    assert collect.run(args) == 0
    assert "8 episodes" in (out := capsys.readouterr().out) and "nothing left to do in 0 more" in out
    both, first = Dataset.open(tmp_path / "d"), Dataset.open(dataset_path)
    assert both.num_episodes == 2 * first.num_episodes + 2
    for index in range(first.num_episodes):
        for name in ("action", "observation.state"):
            np.testing.assert_array_equal(both.episode(first.num_episodes + index)[name], first.episode(index)[name])
    new = both.episode(2 * first.num_episodes)
    assert not np.allclose(new["observation.state"][0], first.episode(0)["observation.state"][0], atol=0.01)


def test_a_policy_that_needs_no_help_is_told_from_a_failing_expert(tmp_path, monkeypatch, refused, bundle_path):
    real = demonstrate("panda_pick_place", 0, noise=0.0, max_seconds=0.1)

    def run(task, seed, noise, policy):
        return Demonstration(seed, True, real.frames if seed == 0 else {}, real.instruction)

    monkeypatch.setattr("training.demonstrations.parallel.demonstrate", run)
    options = ("--episodes", 3, "--workers", 1, "--dagger", bundle_path)
    cause, fix = refused("collect", "--output", tmp_path / "d", *options)
    assert "no help in 8 of 9 episodes; only 1" in cause and "fewer --episodes" in fix
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_refused_before_anything_is_recorded(tmp_path, dataset_path, bundle_path, refused):
    output = ("collect", "--output", tmp_path / "d", "--task", "toys/goals")
    assert "is of task 'panda_pick_place'" in refused(*output, "--include", dataset_path)[0]
    assert "does task 'panda_pick_place'" in refused(*output, "--dagger", bundle_path)[0]
    copy = tmp_path / "copy"
    shutil.copytree(dataset_path, copy)
    info = json.loads((copy / "meta/info.json").read_text())
    (copy / "meta/info.json").write_text(json.dumps(info | {"fps": 10}))
    cause, fix = refused("collect", "--output", tmp_path / "d", "--include", copy)
    assert "differs in its rate" in cause and "this task" in fix
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize("episodes", [3, 30])
def test_an_expert_that_fails_leaves_nothing(tmp_path, monkeypatch, refused, episodes):
    monkeypatch.setattr("training.demonstrations.parallel.demonstrate", failing(1))
    cause, fix = refused("collect", "--output", tmp_path / "d", "--episodes", episodes, "--workers", 1)
    assert f"only 0 of {min(3 * episodes, 20)} episodes" in cause and "--noise" in fix
    assert list(tmp_path.iterdir()) == []


def test_an_existing_dataset_is_kept_unless_told(dataset_path, refused):
    cause, _ = refused("collect", "--output", dataset_path, "--episodes", 1)
    assert "already exists" in cause
    assert Dataset.open(dataset_path).num_episodes == 3


@pytest.mark.parametrize(
    ("option", "value"), [("--episodes", 0), ("--noise", -0.1), ("--noise", "nan"), ("--workers", -1), ("--seed", -1)]
)
def test_impossible_options(tmp_path, refused, option, value):
    assert option in refused("collect", "--output", tmp_path / "d", option, value)[0]
    assert list(tmp_path.iterdir()) == []


def test_unknown_task(tmp_path, refused):
    cause, fix = refused("collect", "--output", tmp_path / "d", "--task", "juggle")
    assert "juggle" in cause and "panda_pick_place" in fix


@pytest.fixture
def recording(tmp_path):
    """Three `keel collect` in the middle of recording with two worker processes each, and those workers."""
    started = []
    for name in ("interrupted", "terminated", "killed"):
        command = [sys.executable, "-m", "policy_nodes.cli", "collect", "--output", str(tmp_path / name / "dataset")]
        process = subprocess.Popen(
            [*command, "--episodes", "5000", "--workers", "2"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        started.append(process)
    workers = [_busy_children(process) for process in started]
    yield list(zip(started, workers, strict=True))
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        process.stdout.close()


def _busy_children(process, deadline_s=90.0):
    """The worker processes, once both have started to simulate (their import of torch is behind them)."""
    end = time.monotonic() + deadline_s
    parent = psutil.Process(process.pid)
    while time.monotonic() < end:
        assert process.poll() is None, process.stdout.read()
        workers = [c for c in parent.children() if "spawn_main" in " ".join(c.cmdline())]
        if len(workers) == 2 and all(worker.memory_info().rss > 150e6 for worker in workers):
            return workers
        time.sleep(0.1)
    raise AssertionError("the workers did not start")


def test_stopped_by_a_signal_nothing_is_left(recording, tmp_path):
    """Ctrl-C reaches the whole group of a terminal, SIGTERM and SIGKILL the command alone."""
    (interrupted, _), (terminated, _), (killed, _) = recording
    os.killpg(interrupted.pid, signal.SIGINT)
    terminated.send_signal(signal.SIGTERM)
    killed.kill()
    assert interrupted.wait(60) == 130 and terminated.wait(60) == 143 and killed.wait(60) == -signal.SIGKILL
    everyone = [worker for _, workers in recording for worker in workers]
    _, alive = psutil.wait_procs(everyone, timeout=30)
    assert alive == []
    for process, word in ((interrupted, "interrupted"), (terminated, "terminated")):
        output = process.stdout.read()
        assert f"'keel collect' was {word}." in output and "Traceback" not in output
    for name in ("interrupted", "terminated"):
        assert list((tmp_path / name).iterdir()) == []
    assert not (tmp_path / "killed" / "dataset").exists()  # SIGKILL cannot be cleaned up after, but nothing looks whole


def test_a_set_of_tasks_takes_the_seeds_of_the_wanted_variants(tmp_path):
    pytest.importorskip("metaworld")
    contract = task_contract("metaworld/mt3")
    names = list(contract.variants)
    args = collect.Args(tmp_path, task="metaworld/mt3", episodes=2, seed=4, variants=(names[0], names[2]))
    assert collect.chosen_seeds(contract, args) == [5, 6, 8, 9, 11, 12]
    assert collect.chosen_seeds(contract, collect.Args(tmp_path, episodes=1)) == [0, 1, 2]


def test_unknown_variants_are_refused(refused, tmp_path):
    cause, fix = refused("collect", "--output", tmp_path / "d", "--task", "toys/goals", "--variants", "x")
    assert "'toys/goals' has no x" in cause and "no set" in fix
