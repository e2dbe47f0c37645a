import re
import subprocess
from datetime import datetime

import pytest
import torch

from training.export.provenance import UNKNOWN_SHA256, git_commit, origin, provenance, statistics_sha256
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
    before = statistics_sha256(policy, "normalizer")
    with torch.no_grad():
        policy.embed[0].weight.add_(1.0)
    assert statistics_sha256(policy, "normalizer") == before
    policy.action_normalizer.mean[0, 0] += 1e-3
    assert statistics_sha256(policy, "normalizer") != before


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


def test_a_converted_policy_hashes_what_is_known_and_zeros_for_the_rest():
    fields = origin({"b": 1, "a": 2}, "f" * 64, seed=3, training_steps=0, versions={"source": "x"})
    assert fields["dataset_sha256"] == UNKNOWN_SHA256 == "0" * 64
    # sha256 of the canonical form {"a": 2, "b": 1}, by `printf '{"a": 2, "b": 1}' | sha256sum`
    assert fields["config_sha256"] == "21501dbaf73f5223934d22283f01caff4132bc1de4a9550c1ed0dffeb397a323"
    assert fields["versions"]["source"] == "x" and {"python", "torch", "onnx"} <= set(fields["versions"])
    assert (fields["statistics_sha256"], fields["seed"], fields["training_steps"]) == ("f" * 64, 3, 0)
