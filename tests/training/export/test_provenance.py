import re
import subprocess
from datetime import datetime

import pytest
import torch

from training.export.provenance import git_commit, policy_statistics_sha256, provenance
from training.imitation.build import load_policy


def test_fields(training_path, dataset):
    fields = provenance(load_policy(training_path))
    assert fields["dataset_sha256"] == dataset.sha256()
    assert (fields["seed"], fields["training_steps"]) == (0, 20)
    assert datetime.fromisoformat(fields["created"]).utcoffset() is not None
    assert set(fields["versions"]) == {"python", "torch", "onnx", "onnxruntime", "mujoco"}
    assert all(re.fullmatch("[0-9a-f]{64}", fields[f"{name}_sha256"]) for name in ("config", "statistics"))


def test_statistics_hash_sees_the_normalisers_and_nothing_else(training_path):
    policy = load_policy(training_path).policy
    before = policy_statistics_sha256(policy)
    with torch.no_grad():
        policy.embed[0].weight.add_(1.0)
    assert policy_statistics_sha256(policy) == before
    policy.action_normalizer.mean[0, 0] += 1e-3
    assert policy_statistics_sha256(policy) != before


@pytest.fixture
def checkout(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py")
    git("commit", "-q", "-m", "first")
    return tmp_path, git("rev-parse", "HEAD")


def test_commit_of_a_checkout(checkout):
    path, commit = checkout
    assert git_commit(path / "code.py") == commit
    (path / "code.py").write_text("2")
    assert git_commit(path / "code.py") == f"{commit}-dirty"


def test_an_installation_inside_a_foreign_repository_is_unknown(checkout, tmp_path_factory):
    package = checkout[0] / ".venv/lib/keel.py"
    package.parent.mkdir(parents=True)
    package.touch()
    assert git_commit(package) == "unknown"
    assert git_commit(tmp_path_factory.mktemp("bare") / "code.py") == "unknown"
