"""An attacker is trained, the policy that it attacks is not, and its figures add up."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.rl.attack import AttackConfig, attack
from training.rl.config import PpoConfig
from training.rl.run import RunConfig, train

TINY = PpoConfig(num_envs=8, steps=4, epochs=1, mini_batches=2, hidden=(8,), save_every=1)


def test_attack_measures_and_leaves_the_checkpoint_alone(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    checkpoint = train(RunConfig(ppo=TINY, overrides={"randomization": None}), tmp_path, 1)
    before = checkpoint.read_bytes()
    config = AttackConfig(max_force=30.0, iterations=3, window=2, ppo=TINY, overrides={"randomization": None})
    result = attack(checkpoint, config)
    assert checkpoint.read_bytes() == before
    assert 0.0 < result["force_last"] <= 30.0
    assert result["cost_first"] >= 0.0
    assert result["falls_per_minute_last"] >= 0.0
    assert attack(checkpoint, config) == pytest.approx(result)


def test_a_huge_force_fells_everybody(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    ppo = PpoConfig(num_envs=8, steps=24, epochs=1, mini_batches=2, hidden=(8,), save_every=1)
    checkpoint = train(RunConfig(ppo=ppo, overrides={"randomization": None}), tmp_path, 1)
    config = AttackConfig(max_force=2000.0, iterations=2, window=1, ppo=ppo, overrides={"randomization": None})
    weak = AttackConfig(max_force=0.1, iterations=2, window=1, ppo=ppo, overrides={"randomization": None})
    assert attack(checkpoint, config)["falls_per_minute_last"] > 10.0
    assert attack(checkpoint, weak)["falls_per_minute_last"] == 0.0
