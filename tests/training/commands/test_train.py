import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from policy_nodes.cli import main
from training.commands import train
from training.commands.train import Args


@pytest.fixture
def options(dataset_path, tmp_path):
    """Arguments of a run of a second."""
    small = ["--config.policy.width", 16, "--config.policy.depth", 1, "--config.policy.embedding-size", 8]
    budget = ["--config.steps", 4, "--config.batch-size", 8, "--config.checkpoint-every", 2, "--threads", 1]
    return ["train", "--dataset", dataset_path, "--output", tmp_path / "run", *small, *budget]


def rewritten(dataset_path, tmp_path, edit):
    """A copy of the dataset with an edited info.json."""
    copy = shutil.copytree(dataset_path, tmp_path / "other")
    info = json.loads((copy / "meta/info.json").read_text())
    edit(info)
    (copy / "meta/info.json").write_text(json.dumps(info))
    return copy


def test_what_a_run_leaves_behind(training_path, dataset_path, dataset):
    found = sorted(p.name for p in training_path.iterdir())
    assert found == ["checkpoints", "config.json", "metrics.jsonl", "tensorboard"]
    config = json.loads((training_path / "config.json").read_text())
    assert config["command"] == "train" and config["arguments"]["config"]["steps"] == 20
    assert config["arguments"]["dataset"] == str(dataset_path)
    stored = json.loads((training_path / "checkpoints/last/config.json").read_text())
    assert stored["dataset"] == {"sha256": dataset.sha256(), "episodes": 3} and stored["step"] == 20


def test_train_then_resume_with_more_steps(options, tmp_path, capsys):
    assert main([str(o) for o in options]) == 0
    out = capsys.readouterr().out
    assert "trained to step 4, validation loss" in out and "nan" not in out
    assert main([str(o) for o in [*options, "--resume", "--config.steps", 6]]) == 0
    assert "trained to step 6" in capsys.readouterr().out
    steps = [json.loads(line)["step"] for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6]
    assert json.loads((tmp_path / "run/config.json").read_text())["arguments"]["resume"] is True


def test_ctrl_c_while_a_checkpoint_is_written_keeps_the_last_one(options, tmp_path, monkeypatch, capsys):
    real, calls = torch.save, []

    def interrupted(content, path):
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(content, path)

    command = [str(option) for option in options]
    monkeypatch.setattr("training.imitation.checkpoint.torch.save", interrupted)
    assert main(command) == 130
    assert [p.name for p in (tmp_path / "run/checkpoints").iterdir()] == ["last"]
    assert json.loads((tmp_path / "run/checkpoints/last/config.json").read_text())["step"] == 2
    assert main([*command, "--resume"]) == 0
    assert "trained to step 4" in capsys.readouterr().out


def test_no_validation_episodes_is_said(dataset_path, tmp_path, small_config, capsys):
    args = Args(dataset_path, tmp_path / "run", config=replace(small_config, steps=2, validation_fraction=0.0))
    assert train.run(args) == 0
    assert "trained to step 2, no validation episodes; checkpoint in" in capsys.readouterr().out


def test_an_existing_run_is_kept_unless_told(dataset_path, training_path, refused, options):
    before = (training_path / "checkpoints/last/model.safetensors").read_bytes()
    options[options.index("--output") + 1] = training_path
    cause, fix = refused(*options)
    assert "already holds a training run" in cause and "--resume" in fix and "--overwrite" in fix
    # A new run that cannot start does not cost the old one either.
    cause, _ = refused(*options, "--overwrite", "--config.policy.horizon", 8)
    assert "predicts 8 steps" in cause
    assert (training_path / "checkpoints/last/model.safetensors").read_bytes() == before


def test_overwrite_starts_from_nothing(dataset_path, tmp_path, small_config):
    args = Args(dataset_path, tmp_path / "run", config=replace(small_config, steps=4))
    assert train.run(args) == 0
    first = (tmp_path / "run/checkpoints/last/model.safetensors").read_bytes()
    torch.manual_seed(99)
    assert train.run(replace(args, overwrite=True)) == 0
    assert (tmp_path / "run/checkpoints/last/model.safetensors").read_bytes() == first  # seeded: the same again
    assert len((tmp_path / "run/metrics.jsonl").read_text().splitlines()) == 1


def test_logs_of_a_run_that_ended_before_its_first_checkpoint_are_dropped(dataset_path, tmp_path, small_config):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/metrics.jsonl").write_text('{"step": 3, "loss": 1.0}\n')
    assert train.run(Args(dataset_path, tmp_path / "run", config=replace(small_config, steps=2))) == 0
    assert [json.loads(s)["step"] for s in (tmp_path / "run/metrics.jsonl").read_text().splitlines()] == [2]


def test_nothing_to_resume(options, tmp_path, refused):
    cause, fix = refused(*options, "--resume")
    assert "nothing to resume" in cause and "drop --resume" in fix
    assert not (tmp_path / "run").exists()


def test_contradicting_and_impossible_options(options, refused, tmp_path):
    assert "contradict" in refused(*options, "--resume", "--overwrite")[0]
    assert "--threads is -1" in refused(*options, "--threads", -1)[0]
    assert "--config.steps is 0" in refused(*options, "--config.steps", 0)[0]
    assert "--config.policy.sampling-steps is 0" in refused(*options, "--config.policy.sampling-steps", 0)[0]
    (tmp_path / "run").write_text("")
    assert "not a directory" in refused(*options)[0]


def test_resume_with_other_arguments_names_them(options, refused):
    assert main([str(o) for o in options]) == 0
    cause, _ = refused(*options, "--resume", "--config.batch-size", 9)
    assert "train.batch_size (was 8, now 9)" in cause


def test_horizon_mismatch(options, refused, tmp_path):
    cause, fix = refused(*options, "--config.policy.horizon", 8)
    assert "predicts 8 steps" in cause and "--config.policy.horizon 16" in fix
    assert not (tmp_path / "run").exists()


def test_a_dataset_of_another_rate(options, dataset_path, tmp_path, refused):
    other = rewritten(dataset_path, tmp_path, lambda info: info.update(fps=30))
    options[options.index("--dataset") + 1] = other
    assert "recorded at 30 Hz, the contract wants 50 Hz" in refused(*options)[0]


def test_a_dataset_without_a_feature(options, dataset_path, tmp_path, refused):
    other = rewritten(dataset_path, tmp_path, lambda info: info["features"].pop("observation.environment_state"))
    options[options.index("--dataset") + 1] = other
    cause, fix = refused(*options)
    assert "'observation.environment_state'" in cause and "same task" in fix


def test_a_nan_in_a_dataset_is_located(options, dataset_path, tmp_path, refused):
    other = shutil.copytree(dataset_path, tmp_path / "other")
    (file,) = (other / "data").glob("*/*.parquet")
    table = pq.read_table(file)
    column = table.column_names.index("action")
    values = np.array(table["action"].to_pylist(), np.float32)
    values[7, 3] = np.nan
    poisoned = pa.array(values.tolist(), type=table.schema.field("action").type)
    pq.write_table(table.set_column(column, table.schema.field("action"), poisoned), file)
    options[options.index("--dataset") + 1] = other
    cause, fix = refused(*options)
    assert "feature 'action' is nan in episode 0, frame 7, element 3" in cause and "repair" in fix
    assert not (tmp_path / "run").exists()


def test_a_dataset_without_a_task(options, dataset_path, tmp_path, refused):
    other = shutil.copytree(dataset_path, tmp_path / "other")
    (other / "meta/keel_task.json").unlink()
    options[options.index("--dataset") + 1] = other
    cause, fix = refused(*options)
    assert "does not name its task" in cause and "--task" in fix
    assert "unknown task 'nonsense'" in refused(*options, "--task", "nonsense")[0]


def test_no_dataset(options, tmp_path, refused):
    options[options.index("--dataset") + 1] = tmp_path / "absent"
    assert "does not exist" in refused(*options)[0]
