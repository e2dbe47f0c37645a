"""`keel train-rl` and `keel export-rl` from the command line, on a budget of a second."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policy_nodes.cli import main
from policy_nodes.errors import ConfigError
from training.commands.train_rl import overrides

BUDGET = ["--ppo.num-envs", 8, "--ppo.steps", 4, "--ppo.epochs", 1, "--ppo.mini-batches", 2, "--ppo.hidden", 8]


def keel(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("rl") / "run"
    assert keel("train-rl", "--output", directory, "--iterations", 1, *BUDGET) == 0
    return directory


def test_what_a_run_leaves_behind(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    assert config["command"] == "train-rl"
    assert config["arguments"]["ppo"]["num_envs"] == 8
    assert (run / "model_0.pt").is_file()
    assert (run / "train.log").is_file()
    assert list(run.glob("events.out.tfevents.*"))


def test_export_measures_the_file_it_wrote(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert keel("export-rl", "--run", run, "--output", tmp_path, "--trials", 0) == 0
    assert (tmp_path / "policy.onnx").stat().st_size < 100_000
    provenance = json.loads((tmp_path / "provenance.json").read_text())
    assert provenance["environment_steps"] == 8 * 4
    assert provenance["config"]["arguments"]["seed"] == 1
    assert "measured" not in provenance
    assert "model_0.pt" in capsys.readouterr().err


def test_a_run_is_neither_overwritten_nor_resumed_by_accident(run: Path, tmp_path: Path, refused) -> None:
    cause, fix = refused("train-rl", "--output", run, "--iterations", 1, *BUDGET)
    assert "already holds" in cause
    assert "--resume" in fix
    assert "nothing to resume" in refused("train-rl", "--output", tmp_path, "--resume")[0]
    assert "contradict" in refused("train-rl", "--output", run, "--resume", "--overwrite")[0]
    given = ("--initial-policy", "examples/go1_velocity_flat/policy.onnx")
    assert "contradict" in refused("train-rl", "--output", run, "--resume", *given)[0]
    assert "at least 1" in refused("train-rl", "--output", tmp_path, "--iterations", 0)[0]
    assert "Go9" in refused("train-rl", "--output", tmp_path / "new", "--task", "Go9")[0]


def test_export_of_what_is_no_run_is_refused(run: Path, tmp_path: Path, refused) -> None:
    assert "not a run" in refused("export-rl", "--run", tmp_path, "--output", tmp_path)[0]
    assert "--trials" in refused("export-rl", "--run", run, "--output", tmp_path, "--trials", -1)[0]
    bad = tmp_path / "model_7.pt"
    bad.write_bytes(b"no checkpoint")
    assert "model_7.pt" in refused("export-rl", "--run", run, "--output", tmp_path, "--checkpoint", bad)[0]


def test_a_resumption_that_has_nothing_to_do_leaves_the_runs_configuration(run: Path, refused) -> None:
    before = (run / "config.json").read_bytes()
    cause, fix = refused("train-rl", "--output", run, "--iterations", 1, "--resume", "--seed", 9, *BUDGET)
    assert "already has 1 iterations" in cause and "--iterations" in fix
    assert (run / "config.json").read_bytes() == before
    assert list(run.glob("config.until_*")) == []


def test_a_failed_resumption_does_not_displace_the_configuration_that_trained(tmp_path: Path, refused) -> None:
    """The first --resume fails on its task; the second must still file the configuration of the real run."""
    (tmp_path / "model_3.pt").write_bytes(b"")
    (tmp_path / "config.json").write_text("the run")
    for task in ("Go9", "Go8"):
        refused("train-rl", "--output", tmp_path, "--iterations", 9, "--resume", "--task", task, *BUDGET)
        assert (tmp_path / "config.until_4.json").read_text() == "the run"


def test_overwriting_forgets_all_of_the_earlier_run_and_nothing_else(tmp_path: Path, refused) -> None:
    for name in ("model_3.pt", "config.until_2.json", "train.log", "events.out.tfevents.1", "notes.txt"):
        (tmp_path / name).write_text("old")
    refused("train-rl", "--output", tmp_path, "--overwrite", "--iterations", 1, "--task", "Go9", *BUDGET)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "notes.txt"]


def test_changes_of_the_task_are_json() -> None:
    assert overrides(("rewards.a=0.1", "flag=true", "limits=[1, 2]", "x=null")) == {
        "rewards.a": 0.1, "flag": True, "limits": [1, 2], "x": None,
    }  # fmt: skip
    for unreadable in ("rewards.a", "rewards.a=", "rewards.a=big"):
        with pytest.raises(ConfigError, match="unreadable"):
            overrides((unreadable,))
