from dataclasses import asdict

import pytest

from policy_nodes.errors import ConfigError
from training.imitation.config import TrainConfig, train_config


def test_survives_json():
    config = TrainConfig(steps=7, seed=3)
    assert train_config(asdict(config)) == config


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0), ("batch_size", -1), ("learning_rate", 0.0), ("learning_rate", float("nan")), ("log_every", 0),
        ("checkpoint_every", 0), ("gradient_clip", 0.0), ("warmup_steps", -1), ("seed", -1), ("ema_max_decay", 1.0),
        ("validation_fraction", 1.0), ("validation_fraction", -0.1),
    ],
)  # fmt: skip
def test_impossible_values_are_named(name, value):
    with pytest.raises(ConfigError) as caught:
        TrainConfig(**{name: value})
    assert f"--config.{name.replace('_', '-')}" in caught.value.cause
    assert caught.value.fix


def test_options_of_another_version_are_refused():
    stored = asdict(TrainConfig())
    for raw in ({**stored, "novel": 1}, {k: v for k, v in stored.items() if k != "policy"}):
        with pytest.raises(ConfigError, match="does not fit this version"):
            train_config(raw)
