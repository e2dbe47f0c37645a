"""Families of policies from data to closed loop by their commands, on a toy that takes seconds."""

import json

import pytest
import torch

from policy_nodes.cli import main
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.reader import Dataset
from training.imitation.build import load_policy

TINY = (
    "--config.steps", 3, "--config.batch-size", 8, "--config.warmup-steps", 1, "--threads", 1,
    "--config.policy.width", 16, "--config.policy.depth", 1, "--config.policy.embedding-size", 8,
    "--config.policy.heads", 2,
)  # fmt: skip
FAMILIES = {
    "beso": "edm causal --config.policy.condition-dropout 0.1 --config.policy.guidance 1.5 "
    "--config.policy.edm.sigma-min 0.005 --config.policy.edm.sigma-max 1 --config.policy.sampling-steps 3",
    "consistency": "consistency mlp --config.policy.sampling-steps 2 --config.policy.consistency.total-updates 3",
}


def keel(*words):
    assert main([str(word) for word in words]) == 0


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    path = tmp_path_factory.mktemp("toy") / "dataset"
    keel("collect", "--task", "toys/goals", "--output", path, "--episodes", 4, "--workers", 1)
    return path


def train(toy, output, parts, *more):
    objective, backbone, *options = parts.split()
    keel("train", "--dataset", toy, "--output", output, *TINY, "--config.policy.objective", objective,
         "--config.policy.backbone", backbone, *options, *more)  # fmt: skip


def deploy(toy, run, directory, *options):
    """Evaluation of what was trained, through its bundle."""
    keel("export", "--checkpoint", run, "--dataset", toy, "--output", directory / "policy.keel", "--samples", 4)
    keel("evaluate", directory / "policy.keel", "--episodes", 2, "--seconds", 1, "--output", directory / "e", *options)
    manifest = json.loads((directory / "policy.keel/manifest.json").read_text())
    return manifest["policy"], json.loads((directory / "e/evaluation.json").read_text())


def test_the_toys_are_stored_in_lerobots_format(toy):
    dataset = Dataset.open(toy)
    assert dataset.num_episodes == 4 and dataset.fps == 20
    assert json.loads((toy / "meta/info.json").read_text())["codebase_version"] == "v3.0"
    assert dataset["action"].shape[1] == 2 and dataset["observation.environment_state"].shape[1] == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_train_export_evaluate(family, toy, tmp_path, capsys):
    train(toy, tmp_path / "run", FAMILIES[family])
    policy, evaluation = deploy(toy, tmp_path / "run", tmp_path, "--execution-horizon", 16)
    assert policy["sampling_steps"] == {"beso": 3, "consistency": 2}[family]
    assert policy["sampler"] == {"beso": "ddim", "consistency": "consistency"}[family]
    assert len(evaluation["episodes"]) == 2
    assert "modes: right_up" in capsys.readouterr().out


@pytest.mark.slow
def test_distil_a_teacher_into_a_consistency_policy(toy, tmp_path, refused):
    train(toy, tmp_path / "teacher", "edm mlp")
    train(toy, tmp_path / "run", "distillation mlp --config.policy.sampling-steps 1", "--config.policy.teacher",
          tmp_path / "teacher")  # fmt: skip
    policy, _ = deploy(toy, tmp_path / "run", tmp_path)
    assert policy["family"] == "distillation" and policy["sampling_steps"] == 1
    train(toy, tmp_path / "flow", "flow mlp")
    cause, _ = refused("train", "--dataset", toy, "--output", tmp_path / "no", *TINY, "--config.policy.objective",
                       "distillation", "--config.policy.teacher", tmp_path / "flow")  # fmt: skip
    assert "is no edm policy" in cause


def test_more_executed_steps_than_a_chunk_has_are_refused(refused, toy, tmp_path):
    train(toy, tmp_path / "run", "flow mlp")
    keel("export", "--checkpoint", tmp_path / "run", "--dataset", toy, "--output", tmp_path / "p.keel", "--samples", 2)
    cause, fix = refused("evaluate", tmp_path / "p.keel", "--execution-horizon", 17)
    assert "17 steps of a chunk cannot be executed" in cause and "1 to 16" in fix
    assert "--execution-horizon is 4" in refused("evaluate", tmp_path / "p.keel", "--execution-horizon", 4,
                                                 "--latency", "5")[0]  # fmt: skip


@pytest.mark.slow
def test_sdp_grows_by_a_task_and_keeps_its_answers_bit_for_bit(tmp_path, refused):
    pytest.importorskip("metaworld")
    names = list(task_contract("metaworld/mt3").variants)
    for directory, variants in (("old", names[:2]), ("new", names[2:])):
        keel("collect", "--task", "metaworld/mt3", "--output", tmp_path / directory, "--episodes", 4, "--workers", 1,
             "--variants", *variants)  # fmt: skip
    train(tmp_path / "old", tmp_path / "run", "ddpm_epsilon sdp --config.policy.tasks 2")
    grown = ["train", "--dataset", tmp_path / "new", "--output", tmp_path / "grown", *TINY]
    keel(*grown, "--grow-from", tmp_path / "run")
    first, second = (load_policy(tmp_path / name).policy for name in ("run", "grown"))
    observation = {name: torch.randn(4, *shape) for name, shape in (("state", (2, 4)), ("environment_state", (2, 9)))}
    observation = {f"observation.{name}": value for name, value in observation.items()}
    observation["observation.task_id"] = torch.eye(3)[[0, 1, 0, 1]].unsqueeze(1)
    noise = torch.randn(4, first.noise_rows, 4)
    with torch.no_grad():
        assert all(
            torch.equal(a, b) for a, b in zip(first(observation, noise), second(observation, noise), strict=True)
        )
    keel(*grown, "--grow-from", tmp_path / "run", "--resume", "--config.steps", 4)
    cause, _ = refused("train", "--dataset", tmp_path / "new", "--output", tmp_path / "no", "--grow-from",
                       tmp_path / "grown")  # fmt: skip
    assert "knows 3 tasks already" in cause
