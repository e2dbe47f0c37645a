import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from policy_nodes.errors import ConfigError
from training.imitation import checkpoint
from training.imitation.checkpoint import (
    TrainingState,
    differences,
    load_training_state,
    load_weights,
    read_config,
    resolve_checkpoint,
    save_checkpoint,
)

CONFIG = {"task": "t", "dataset": {"sha256": "0"}, "train": {"steps": 1}, "step": 1}
STATE = TrainingState(3, {"state": {}}, {"last_epoch": 3}, torch.get_rng_state(), {"state": {"state": 2**100}})


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model, ema = nn.Linear(2, 2), nn.Linear(2, 2)
    save_checkpoint(tmp_path / "last", model=model, ema=ema, state=STATE, config=CONFIG)
    return tmp_path / "last", model, ema


def test_round_trip(saved):
    directory, model, ema = saved
    assert read_config(directory) == CONFIG
    for name, source in (("model", model), ("ema", ema)):
        target = nn.Linear(2, 2)
        load_weights(directory, target, name)
        assert torch.equal(target.weight, source.weight)
    state = load_training_state(directory)
    assert (state.step, state.sampler, state.scheduler) == (3, STATE.sampler, STATE.scheduler)
    assert torch.equal(state.torch_rng, STATE.torch_rng)


def test_an_exception_while_saving_keeps_the_old_one(saved, monkeypatch):
    directory, model, _ = saved
    before = {path.name: path.read_bytes() for path in directory.iterdir()}

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint.torch, "save", full)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(directory, model=model, ema=model, state=replace(STATE, step=9), config=CONFIG)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    assert [path.name for path in directory.parent.iterdir()] == ["last"]


def test_no_checkpoint_says_what_is_missing(tmp_path):
    with pytest.raises(ConfigError, match=r"not a training checkpoint: config.json, ema.safetensors") as caught:
        read_config(tmp_path)
    assert "keel train --output" in caught.value.fix


@pytest.mark.parametrize("text", ["{", "[]", "{}", "3"])
def test_damaged_configuration(saved, text):
    (saved[0] / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=r"config\.json"):
        read_config(saved[0])


def test_weights_that_do_not_fit_or_cannot_be_read(saved):
    directory, _, _ = saved
    with pytest.raises(ConfigError, match=r"does not fit the policy.*size mismatch"):
        load_weights(directory, nn.Linear(3, 2), "model")
    with pytest.raises(ConfigError, match=r"does not fit the policy.*Missing key"):
        load_weights(directory, nn.Sequential(nn.Linear(2, 2)), "model")
    content = (directory / "ema.safetensors").read_bytes()
    (directory / "ema.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(ConfigError, match=r"ema\.safetensors' cannot be read"):
        load_weights(directory, nn.Linear(2, 2), "ema")


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_damaged_training_state(saved, content):
    path = saved[0] / "training_state.pt"
    path.write_bytes(path.read_bytes()[:200] if content is None else content)
    with pytest.raises(ConfigError, match="cannot resume"):
        load_training_state(saved[0])


def test_pickled_code_is_not_run(saved, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    torch.save({"step": Evil()}, saved[0] / "training_state.pt")
    with pytest.raises(ConfigError, match="cannot resume"):
        load_training_state(saved[0])
    assert not (tmp_path / "touched").exists()


def test_output_or_checkpoint_directory(tmp_path):
    (tmp_path / "run/checkpoints/last").mkdir(parents=True)
    assert resolve_checkpoint(tmp_path / "run") == tmp_path / "run/checkpoints/last"
    assert resolve_checkpoint(tmp_path / "run/checkpoints/last") == tmp_path / "run/checkpoints/last"


def test_differences_name_the_option_and_both_values():
    saved = json.loads('{"train": {"lr": 0.1, "policy": {"width": 8}}, "step": 5}')
    assert differences(saved, {"train": {"lr": 0.1, "policy": {"width": 8}}}) == []
    assert differences(saved, {"train": {"lr": 0.2, "policy": {"width": 16}}, "task": "x"}) == [
        "task (was None, now x)", "train.lr (was 0.1, now 0.2)", "train.policy.width (was 8, now 16)",
    ]  # fmt: skip
