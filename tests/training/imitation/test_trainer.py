import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from policy_nodes.errors import ConfigError
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.windows import ChunkBatch
from training.imitation.build import build_policy, build_sampler
from training.imitation.divergence import DivergenceError
from training.imitation.trainer import Trainer, _parts, to_tensors

CONTRACT = task_contract("panda_pick_place")
METADATA = {"task": CONTRACT.name, "dataset": {"sha256": "a" * 64, "episodes": 3}}


class Interrupted(Exception):
    pass


@pytest.fixture
def make(dataset, tmp_path):
    def build(config, name="run", **metadata):
        torch.manual_seed(config.seed)
        policy = build_policy(CONTRACT, config.policy)
        return Trainer(policy, build_sampler(dataset, CONTRACT, config), config, tmp_path / name, METADATA | metadata)

    return build


def weights(trainer):
    last = trainer.output / "checkpoints/last"
    return {name: load_file(last / f"{name}.safetensors") for name in ("model", "ema")}


def records(trainer):
    lines = [json.loads(line) for line in (trainer.output / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def interrupt_at(step):
    def progress(now, loss):
        if now == step:
            raise Interrupted

    return progress


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(make, small_config):
    whole = make(small_config, "whole")
    whole.fit_statistics()
    assert math.isfinite(whole.run())
    broken = make(small_config, "broken")
    broken.fit_statistics()
    with pytest.raises(Interrupted):
        broken.run(interrupt_at(9))  # after the checkpoint of step 6 and the log entry of step 8
    assert [r["step"] for r in records(broken)] == [4, 6, 8]
    torch.manual_seed(12345)  # whatever happened in between
    resumed = make(small_config, "broken")
    resumed.resume()
    assert resumed.step == 6 and [r["step"] for r in records(resumed)] == [4, 6]
    resumed.run()
    for name, tensors in weights(whole).items():
        for key, value in tensors.items():
            assert torch.equal(value, weights(resumed)[name][key]), (name, key)
    assert records(resumed) == records(whole)


def test_training_lowers_the_loss_and_moves_the_average(make, small_config):
    trainer = make(replace(small_config, steps=150, learning_rate=3e-3, checkpoint_every=50))
    trainer.fit_statistics()
    before = trainer.validation_loss()
    assert trainer.run() < 0.9 * before


def test_validation_is_logged_where_it_was_measured(make, small_config):
    trainer = make(small_config)
    trainer.fit_statistics()
    final = trainer.run()
    found = {r["step"]: r["validation_loss"] for r in records(trainer)}
    assert {step: value is not None for step, value in found.items()} == {4: False, 6: True, 8: False, 12: True}
    assert found[12] == final == trainer.validation_loss()  # fixed noise: measured again, the same


def test_no_validation_episodes_is_none_not_nan(make, small_config):
    trainer = make(replace(small_config, validation_fraction=0.0, steps=2))
    trainer.fit_statistics()
    assert trainer.run() is None
    assert records(trainer)[-1]["validation_loss"] is None


def test_a_finished_run_may_be_extended_and_logged_otherwise(make, small_config):
    trainer = make(small_config)
    trainer.fit_statistics()
    trainer.run()
    longer = make(replace(small_config, steps=15, log_every=1, checkpoint_every=5))
    longer.resume()
    longer.run()
    assert longer.step == 15 and [r["step"] for r in records(longer)] == [4, 6, 8, 12, 13, 14, 15]
    again = make(small_config)
    again.resume()
    assert math.isfinite(again.run()) and again.step == 15  # nothing left to do, and says how good it is


def test_a_refused_resume_names_what_changed(make, small_config):
    trainer = make(small_config)
    trainer.fit_statistics()
    trainer.run()
    with pytest.raises(
        ConfigError, match=r"last': train\.learning_rate \(was 0\.001, now 0\.002\)\. Fix: use the same"
    ):
        make(replace(small_config, learning_rate=2e-3, steps=99)).resume()
    with pytest.raises(ConfigError, match=r"dataset\.sha256 \(was aaaa.*, now bbbb"):
        make(small_config, dataset={"sha256": "b" * 64, "episodes": 3}).resume()


@pytest.mark.parametrize("where", ["loss", "gradient norm"])
def test_divergence_stops_before_the_weights_and_the_checkpoint_are_touched(make, small_config, where, monkeypatch):
    trainer = make(small_config)
    trainer.fit_statistics()
    real, bad = trainer.policy.loss, 8

    def loss(*batch):
        value = real(*batch)
        if trainer.step < bad:
            return value
        if where == "loss":
            return value * float("nan")
        parameter = trainer.policy.denoiser.output.bias[0]
        return value + torch.sqrt(parameter - parameter.detach())  # finite, with an infinite gradient at zero

    monkeypatch.setattr(trainer.policy, "loss", loss)
    with pytest.raises(DivergenceError, match=rf"the {where} became (nan|inf) at step 8") as caught:
        trainer.run()
    assert "learning-rate" in caught.value.fix and "checkpoints/last" in caught.value.fix
    assert "divergence'" in caught.value.fix
    assert all(p.isfinite().all() for p in trainer.policy.parameters())
    assert all(value.isfinite().all() for tensors in weights(trainer).values() for value in tensors.values())
    resumed = make(small_config)
    resumed.resume()
    assert resumed.step == 6


def test_divergence_before_the_first_checkpoint_says_so(make, small_config):
    trainer = make(small_config)
    trainer.fit_statistics()
    with torch.no_grad():
        trainer.policy.denoiser.output.bias.fill_(float("nan"))
    with pytest.raises(DivergenceError) as caught:
        trainer.run()
    assert "no checkpoint yet" in caught.value.fix


def test_batches_become_float32():
    arrays = {"observation.state": np.zeros((2, 1, 3)), "image": np.zeros((2, 1, 4), np.uint8)}
    batch = ChunkBatch(arrays, np.zeros((2, 5, 3)), np.zeros((2, 5), bool), np.arange(2))
    observation, action, is_pad = to_tensors(batch)
    assert {value.dtype for value in (*observation.values(), action)} == {torch.float32}
    assert is_pad.dtype == torch.bool


def gradients(trainer):
    """Gradients of the first step, before they are clipped; nothing is updated."""
    index = trainer._frames[trainer.rng.integers(len(trainer._frames), size=trainer.config.batch_size)]
    for part in range(trainer.parts):
        trainer.processes.backward(trainer._part_loss(index, part) / trainer.parts)
    return {name: p.grad.clone() for name, p in trainer.policy.named_parameters() if p.grad is not None}


def test_the_same_seed_gives_the_same_weights_bit_for_bit(make, small_config):
    runs = [make(replace(small_config, steps=4), name) for name in ("first", "second")]
    for trainer in runs:
        torch.manual_seed(7)  # the state of the generator when training starts
        trainer.fit_statistics()
        trainer.run()
    for name, tensors in weights(runs[0]).items():
        assert all(torch.equal(value, weights(runs[1])[name][key]) for key, value in tensors.items())
    other = make(replace(small_config, steps=4, seed=1), "other")
    other.fit_statistics()
    other.run()
    assert any(not torch.equal(v, weights(other)["model"][k]) for k, v in weights(runs[0])["model"].items())


def test_the_noise_of_a_part_depends_on_seed_and_step_alone(make, small_config):
    config = replace(small_config, microbatches=4)
    trainers = [make(config, name) for name in ("one", "two")]
    for trainer in trainers:
        trainer.fit_statistics()
    first = gradients(trainers[0])
    torch.manual_seed(99)  # not on torch's global generator
    second = gradients(trainers[1])
    assert first and all(torch.equal(value, second[name]) for name, value in first.items())
    trainers[1].step += 1
    trainers[1].optimizer.zero_grad()
    trainers[1].rng = np.random.default_rng(config.seed)
    third = gradients(trainers[1])
    assert any(not torch.equal(value, third[name]) for name, value in first.items())


def test_batches_that_cannot_be_shared_are_refused(small_config):
    with pytest.raises(ConfigError, match="batch-size 16 cannot be cut into 3"):
        replace(small_config, microbatches=3)
    with pytest.raises(ConfigError, match="a batch of 16 in 3 parts cannot be shared by 3 processes"):
        _parts(small_config, world=3)
    assert _parts(small_config, world=4) == 4 and _parts(replace(small_config, microbatches=8), world=4) == 8


def test_bfloat16_on_the_cpu_trains_and_keeps_weights_in_float32(make, small_config):
    trainer = make(replace(small_config, precision="bfloat16", steps=60, learning_rate=3e-3))
    trainer.fit_statistics()
    before = trainer.validation_loss()
    assert trainer.run() < before
    assert {p.dtype for p in trainer.policy.parameters()} == {torch.float32}


def test_half_precision_on_a_cpu_is_refused_with_the_reason(small_config):
    with pytest.raises(ConfigError, match="float16 needs a GPU: gradients below 6e-8 vanish") as caught:
        replace(small_config, precision="float16")
    assert "bfloat16" in caught.value.fix


def test_a_missing_gpu_is_said(make, small_config, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="torch finds no GPU"):
        make(replace(small_config, device="cuda"))
