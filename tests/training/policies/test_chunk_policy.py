"""Every objective with a backbone: one training step reaches all weights, sampling evaluates as often as it says."""

import pytest
import torch

from policy_nodes.errors import ConfigError
from training.objectives.consistency import ConsistencyConfig
from training.policies.chunk_policy import ChunkPolicy
from training.policies.config import PolicyConfig, policy_config
from training.policies.flow_policy import FlowPolicy

SIZES = {"horizon": 8, "width": 32, "heads": 2, "depth": 2, "embedding_size": 8, "sampling_steps": 2, "tasks": 3}


class Encoder(torch.nn.Module):
    """Two steps of five features and a task identity."""

    STATE, size, history, tasks = "state", 13, 2, 3

    def forward(self, observation):
        return torch.cat([observation["state"].flatten(1), observation["task"]], dim=-1)


def windows(batch=16):
    generator = torch.Generator().manual_seed(0)
    task = torch.eye(3)[torch.arange(batch) % 3]
    observation = {"state": torch.randn(batch, 2, 5, generator=generator), "task": task}
    return observation, torch.randn(batch, 8, 4, generator=generator), torch.zeros(batch, 8, dtype=torch.bool)


def policy(kind=ChunkPolicy, **options):
    torch.manual_seed(0)
    made = kind(PolicyConfig(**{**SIZES, **options}), Encoder(), 4, [True, False, False, False])
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    made.fit_statistics(*windows())
    return made


PAIRS = [
    {"objective": "ddpm_epsilon", "backbone": "transformer", "sampler": "ddpm"},
    {"objective": "ddpm_x0", "backbone": "unet", "sampler": "dpmpp_2m"},
    {"objective": "ddpm_v", "backbone": "unet", "conditioning": "concat"},
    {"objective": "edm", "backbone": "causal", "sampler": "heun"},
    {"objective": "edm", "backbone": "mode", "sampler": "ddim"},
    {"objective": "edm", "backbone": "mlp", "sampler": "ancestral", "conditioning": "concat"},
    {"objective": "flow", "backbone": "dit", "sampler": "midpoint"},
    {"objective": "flow", "backbone": "sdp"},
    {"objective": "shortcut", "backbone": "mlp"},
    {"objective": "shortcut", "backbone": "transformer"},
    {"objective": "consistency", "backbone": "mlp"},
    {"objective": "meanflow", "backbone": "mlp"},
    {"objective": "meanflow", "backbone": "unet"},
    {"objective": "flow", "backbone": "mlp", "embedding": "moore", "observation_history": False},
]


@pytest.mark.parametrize("options", PAIRS, ids=lambda o: "-".join(str(v) for v in o.values()))
def test_a_combination_trains_all_its_weights_and_counts_its_evaluations(options):
    made = policy(**options)
    loss = made.loss(*windows())
    loss.backward()
    assert bool(torch.isfinite(loss))
    assert [name for name, p in made.named_parameters() if p.grad is None] == []
    calls = []
    made.eval().denoiser.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        chunk, embedding = made(windows()[0], torch.randn(16, made.noise_rows, 4))
    assert chunk.shape == (16, 8, 4) and embedding.shape == (16, 8) and bool(torch.isfinite(chunk).all())
    assert len(calls) == made.evaluations


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"objective": "flow", "sampler": "ddim"}, "integrated in flow time"),
        ({"objective": "consistency", "sampler": "heun"}, "no slope to integrate"),
        ({"objective": "shortcut", "sampling_steps": 3}, "cannot take 3 steps"),
        ({"objective": "ddpm_epsilon", "sampling_steps": 200}, "learns 100 levels"),
        ({"objective": "ddpm_epsilon", "action_scaling": "standard"}, "samples would saturate"),
        ({"objective": "edm", "guidance": 2.0}, "learned without a goal"),
        ({"backbone": "dit", "conditioning": "concat"}, "as tokens"),
        ({"backbone": "transformer", "width": 33}, "heads"),
        ({"backbone": "unet", "horizon": 6, "depth": 3}, "does not fit 6 steps"),
        ({"objective": "meanflow", "backbone": "dit"}, "no forward-mode derivative"),
        ({"objective": "meanflow", "sampler": "midpoint"}, "average velocity of whole steps"),
        ({"objective": "edm", "teacher": "runs/x"}, "has none"),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_the_reason(options, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        PolicyConfig(**options)
    assert caught.value.fix


def test_guidance_of_one_is_conditional_and_of_zero_ignores_the_goal():
    observation = windows()[0]
    noise = torch.randn(16, 8, 4, generator=torch.Generator().manual_seed(1))

    def chunks(guidance, moved=False):
        made = policy(objective="edm", condition_dropout=0.1, guidance=guidance).eval().requires_grad_(False)
        given = {**observation, "task": observation["task"].roll(1, 0)} if moved else observation
        return made(given, noise)[0]

    torch.testing.assert_close(chunks(1.0 + 1e-9), chunks(1.0), atol=1e-6, rtol=0)
    assert torch.equal(chunks(0.0), chunks(0.0, moved=True))
    assert (chunks(1.0) - chunks(1.0, moved=True)).abs().max() > 1e-4
    assert (chunks(3.0) - chunks(1.0)).abs().max() > 1e-4


def test_without_observation_history_only_the_newest_counts():
    made = policy(observation_history=False).eval().requires_grad_(False)
    observation = windows()[0]
    older = {**observation, "state": observation["state"].clone()}
    older["state"][:, 0] += 10.0
    noise = torch.randn(16, 8, 4)
    assert torch.equal(made(observation, noise)[0], made(older, noise)[0])


def test_minmax_scaling_reaches_both_ends():
    made = policy(objective="ddpm_epsilon")
    observation, action, _ = windows()
    scaled = made.action_normalizer(made.to_relative(observation, action))
    torch.testing.assert_close(scaled.amax(0), torch.ones(8, 4))
    torch.testing.assert_close(scaled.amin(0), -torch.ones(8, 4))


def test_distillation_learns_from_its_teacher():
    teacher = policy(objective="edm").eval().requires_grad_(False)
    config = PolicyConfig(**SIZES, objective="distillation", consistency=ConsistencyConfig(distill=5))
    student = ChunkPolicy(config, Encoder(), 4, [True, False, False, False], teacher)
    student.fit_statistics(*windows())
    assert not any("teacher" in name for name in student.state_dict())
    student.loss(*windows(), torch.Generator().manual_seed(0)).backward()
    assert any(float(p.grad.abs().sum()) > 0 for p in student.parameters() if p.grad is not None)
    assert all(p.grad is None for p in teacher.parameters())


def test_older_configurations_load_and_unknown_options_do_not():
    old = {"horizon": 16, "sampling_steps": 4, "embedding_size": 128, "width": 256, "depth": 3, "expansion": 2}
    assert policy_config({**old, "time_density": "beta"}) == PolicyConfig(time_density="beta")
    with pytest.raises(TypeError):
        policy_config({**old, "novel": 1})


def test_the_default_keeps_its_weights_names():
    names = {name.split(".")[0] for name in policy(FlowPolicy).state_dict()}
    assert names == {"observation_normalizer", "action_normalizer", "embed", "denoiser"}
