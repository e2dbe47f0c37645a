"""The hand-written graph of a Diffusion policy: PyTorch's numbers, and a loop that holds the weights once."""

import numpy as np
import onnx
import pytest
import torch
import yaml

from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.onnx_graph import inspect_onnx
from policy_nodes.inference.policy import PolicySession
from tests.training.convert.lerobot.conftest import FIXTURES
from tests.training.convert.lerobot.contracts import filled_template
from training.commands import convert_lerobot
from training.convert.lerobot import diffusion
from training.convert.lerobot.checkpoint import read_checkpoint
from training.convert.lerobot.diffusion import ConditionalUnet1d
from training.convert.lerobot.sampler_graph import _sampled
from training.convert.lerobot.schedule import schedule
from training.convert.lerobot.unet_graph import Film
from training.export.builder import GraphBuilder
from training.export.graph import ACTION, EMBEDDING, NOISE
from training.export.parity import graph_errors

CONFIG = {
    "diffusion_step_embed_dim": 8, "down_dims": [8, 16], "kernel_size": 3, "n_groups": 4, "horizon": 8,
    "n_obs_steps": 1, "use_film_scale_modulation": True, "num_train_timesteps": 40,
    "beta_schedule": "squaredcos_cap_v2", "beta_start": 1e-4, "beta_end": 0.02, "prediction_type": "sample",
    "clip_sample": True, "clip_sample_range": 1.0,
}  # fmt: skip


def model(sampler="DDIM", steps=3, **options):
    config = CONFIG | options
    torch.manual_seed(1)
    made = diffusion.DiffusionModel(2, {"observation.state": 3}, {}, config, schedule(config, sampler, steps))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.eval().requires_grad_(False)


def graph_of(made):
    """The sampler alone, from conditioning vector and noise to the last sample, as ONNX."""
    builder = GraphBuilder("s_")
    builder.op("Identity", _sampled(builder, made, 2), output=ACTION)
    value = onnx.helper.make_tensor_value_info
    inputs = [value(EMBEDDING, 1, ["batch", made.condition_size]), value(NOISE, 1, ["batch", made.noise_rows, 2])]
    proto = onnx.helper.make_model(
        onnx.helper.make_graph([], "g", inputs, []), opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9
    )
    builder.append_to(proto, {ACTION: [made.horizon, 2]})
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


def worst(made, samples=3):
    rng = np.random.default_rng(0)
    condition = rng.standard_normal((samples, made.condition_size)).astype(np.float32)
    noise = rng.standard_normal((samples, made.noise_rows, 2)).astype(np.float32)
    with torch.no_grad():
        chunk, embedding = made({"observation.state": torch.from_numpy(condition[:, None])}, torch.from_numpy(noise))
    np.testing.assert_array_equal(embedding.numpy(), condition)
    assert chunk.std() > 0.1
    return graph_errors(graph_of(made), {EMBEDDING: condition, NOISE: noise}, {ACTION: chunk.numpy()})[ACTION]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sampler": "DDPM", "steps": 5},
        {"sampler": "DDPM", "steps": 1},
        {"clip_sample": False, "use_film_scale_modulation": False},
        {"down_dims": [8, 8, 16], "kernel_size": 5, "horizon": 16, "n_groups": 8},
    ],
)
def test_the_loop_answers_as_pytorch(options):
    assert worst(model(**options)) < 1e-5


def test_a_hundred_steps_are_as_large_as_one():
    sizes = {steps: len(graph_of(model(num_train_timesteps=100, steps=steps))) for steps in (1, 100)}
    film = 4 * 8 * 2 * (8 + 16) * 10  # bytes of the further rows of the table are all that is added
    assert sizes[100] - sizes[1] < 10 * film and inspect_onnx(graph_of(model(steps=3))).nodes > 100


def test_what_film_adds_is_a_row_per_level_and_a_row_per_observation():
    made = model()
    unet, condition = made.unet, torch.randn(1, made.condition_size)
    assert isinstance(unet, ConditionalUnet1d)
    film = Film(unet, [7, 3])
    with torch.no_grad():
        told = unet.diffusion_step_encoder(torch.tensor([3.0]))
        wanted = torch.cat([block.cond_encoder(torch.cat([told, condition], dim=-1)) for block in film.blocks], dim=-1)
        observed = torch.nn.functional.mish(condition) @ torch.from_numpy(film._observed)
    assert film.width == wanted.shape[1] and film.table.shape[0] == 2
    torch.testing.assert_close(observed + torch.from_numpy(film.table[1]), wanted[0][None], atol=1e-5, rtol=0)


def test_the_default_sampler_of_a_checkpoint_becomes_a_bundle(tmp_path, capsys):
    source = FIXTURES / "diffusion"
    contract = tmp_path / "contract.yaml"
    contract.write_text(yaml.safe_dump(filled_template(read_checkpoint(source))))
    output = tmp_path / "push.keel"
    args = convert_lerobot.Args(source, contract=contract, output=output, sampler="DDPM", steps=100, samples=4)
    assert convert_lerobot.run(args) == 0
    assert "100 network evaluations" in capsys.readouterr().out
    bundle = load_bundle(output)
    assert bundle.manifest.policy.sampling_steps == 100 and bundle.manifest.parity.max_abs_error[ACTION] < 1e-5
    session = PolicySession(bundle)
    assert session.noise_shape == (800, 2)
    session.warm_up(4)
