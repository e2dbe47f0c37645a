import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from policy_nodes.errors import BundleError
from training.convert.lerobot.checkpoint import read_checkpoint
from training.convert.lerobot.deployed import build

CAMERA = {"type": "VISUAL", "shape": [3, 8, 8]}
STATISTICS = "policy_preprocessor_step_3_normalizer_processor.safetensors"


def edit(path, change):
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


def refused(directory, said, **options):
    with pytest.raises(BundleError, match=said) as caught:
        build(read_checkpoint(directory), options.get("sampler"), options.get("steps"))
    assert caught.value.fix


def test_reads_features_and_says_what_is_not_normalised(stored):
    checkpoint = read_checkpoint(stored)
    assert [(f.name, f.kind, f.shape) for f in checkpoint.inputs] == [
        ("observation.state", "STATE", (3,)),
        ("observation.environment_state", "ENV", (2,)),
    ]
    assert checkpoint.action.shape == (2,)
    assert checkpoint.passed_through == {"observation.environment_state": "no mode for type ENV"}
    assert checkpoint.normalize["observation.state"].mode == ("MEAN_STD" if checkpoint.family == "act" else "MIN_MAX")


def test_takes_the_directory_above(act, tmp_path):
    (tmp_path / "last").mkdir()
    act.rename(tmp_path / "last" / "pretrained_model")
    assert read_checkpoint(tmp_path / "last").family == "act"


def test_a_feature_without_statistics_is_refused(act):
    kept = {k: v for k, v in load_file(act / STATISTICS).items() if not k.startswith("observation.state")}
    save_file(kept, act / STATISTICS)
    refused(act, "'observation.state' has no statistics.*silently pass it through")


def test_a_missing_statistic_is_named(act):
    kept = {k: v for k, v in load_file(act / STATISTICS).items() if k != "observation.state.std"}
    save_file(kept, act / STATISTICS)
    refused(act, "'observation.state' lacks the statistic 'std'")


def test_an_explicit_identity_is_accepted_and_named(act):
    edit(act / "policy_preprocessor.json", lambda raw: raw["steps"][3]["config"]["norm_map"].update(ENV="IDENTITY"))
    assert read_checkpoint(act).passed_through == {"observation.environment_state": "IDENTITY"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw.update(type="smolvla"), "type 'smolvla'"),
        (lambda raw: raw.pop("input_features"), "no input_features"),
        (lambda raw: raw["input_features"]["observation.state"].pop("shape"), "'observation.state'.*malformed"),
        (lambda raw: raw["input_features"]["observation.state"].update(type="LANGUAGE"), "of type LANGUAGE"),
        (lambda raw: raw["output_features"]["action"].update(shape=[2, 2]), "outputs are"),
        (lambda raw: raw.update(feedforward_activation="glu"), "activation is 'glu'"),
        (lambda raw: raw.update(temporal_ensemble_coeff=0.01), "ensembles over time"),
        (lambda raw: raw.update(dim_model=32), "weights do not fit"),
        (lambda raw: raw.update(n_encoder_layers=3), "weights lack 'encoder.layers.2"),
        (lambda raw: raw.update(n_encoder_layers=1), "weights also hold 'encoder.layers.1"),
        (
            lambda raw: raw["input_features"].update({"observation.images.top": CAMERA}),
            "'observation.images.top' has no statistics",
        ),
    ],
)
def test_configurations_that_cannot_be_converted(act, change, said):
    edit(act / "config.json", change)
    refused(act, said)


def test_more_steps_than_training_had_are_refused(diffusion):
    refused(diffusion, "101 sampling steps of 100", steps=101, sampler="DDIM")


def test_lerobots_default_of_a_hundred_steps_is_the_checkpoints_own(diffusion):
    edit(diffusion / "config.json", lambda raw: raw.update(noise_scheduler_type="DDPM", num_inference_steps=None))
    _, shape = build(read_checkpoint(diffusion), None, None)
    assert (shape.sampler, shape.steps, shape.noise_rows) == ("ddpm", 100, 100 * 8)


def test_weights_that_are_not_finite(act):
    weights = load_file(act / "model.safetensors")
    weights["model.action_head.bias"][0] = torch.nan
    save_file(weights, act / "model.safetensors")
    refused(act, "not finite")


@pytest.mark.parametrize("file", ["config.json", "policy_postprocessor.json", "model.safetensors", STATISTICS])
def test_damaged_and_missing_files(act, file):
    (act / file).write_bytes(b"\xff{")
    refused(act, f"cannot read '.*{file}'")
    (act / file).unlink()
    refused(act, f"cannot read '.*{file}'")


def test_checkpoints_before_processors_are_refused(act):
    (act / "policy_preprocessor.json").unlink()
    refused(act, "before LeRobot 0.4")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda steps: steps.append({"registry_name": "my_step"}), "the step 'my_step'"),
        (lambda steps: steps[0]["config"].update(rename_map={"a": "b"}), "renames observations"),
        (lambda steps: steps.pop(3), "0 steps 'normalizer_processor'"),
    ],
)
def test_pipelines_that_do_more_are_refused(act, change, said):
    edit(act / "policy_preprocessor.json", lambda raw: change(raw["steps"]))
    refused(act, said)
