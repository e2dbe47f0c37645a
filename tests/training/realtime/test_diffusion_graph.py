"""The published warm start as a graph of a ddpm policy, compared with DDPM's formula written out."""

import pytest
import torch

from policy_nodes.errors import ConfigError
from tests.training.realtime.small_policy import small_policy
from training.contracts.registry import task_contract
from training.objectives.diffusion import betas
from training.realtime.graphs import VariantConfig, VariantGraph
from training.realtime.parts import chunk_parts, flow_parts


def observation(batch=2):
    contract, generator = task_contract("panda_pick_place"), torch.Generator().manual_seed(1)
    return {f.name: torch.rand(batch, f.history, f.size, generator=generator) for f in contract.observations}


def test_one_step_is_ddpms_formula_with_the_noise_of_its_level():
    policy = small_policy("ddpm_epsilon", action_scaling="minmax", clip_sample=False)
    parts, seen, k = chunk_parts(policy), observation(), 2
    graph = VariantGraph(parts, VariantConfig("warm_start", 1, step_list=(k,)), 8)
    previous, noise = 0.1 * torch.randn(2, 16, 8), torch.randn(2, 16, 8)
    chunk, embedding = graph(seen, noise, previous)

    beta = betas("cosine", 100)
    bar = torch.cumprod(1.0 - beta, 0)
    x = parts.normalise(seen, previous)
    level = torch.full((2,), (k + 1) / 100)
    predicted = policy.denoiser(x, level, policy.condition(seen))
    mean = (x - beta[k] / (1 - bar[k]).sqrt() * predicted) / (1 - beta[k]).sqrt()
    spread = (beta[k] * (1 - bar[k - 1]) / (1 - bar[k])).sqrt()
    expected = parts.restore(seen, (mean + spread * noise).float())
    assert torch.allclose(chunk, expected, atol=1e-5)
    assert torch.allclose(embedding, policy.embedding(seen))


def test_every_listed_step_has_noise_of_its_own_and_the_last_has_none():
    policy = small_policy("ddpm_epsilon", action_scaling="minmax", clip_sample=False)
    config = VariantConfig("warm_start", 3, step_list=(3, 1, 0))
    graph, rows = VariantGraph(chunk_parts(policy), config, 8), config.noise_rows(16)
    assert rows == 48 and VariantConfig("warm_start", 2).noise_rows(16) == 16
    noise = torch.randn(2, rows, 8)
    previous = torch.zeros(2, 16, 8)
    base, _ = graph(observation(), noise, previous)
    for step, matters in ((0, True), (1, True), (2, False)):
        other = noise.clone()
        other[:, 16 * step : 16 * (step + 1)] += 1.0
        changed, _ = graph(observation(), other, previous)
        assert torch.allclose(changed, base) != matters


@pytest.mark.parametrize(
    ("objective", "config"),
    [
        ("ddpm_epsilon", VariantConfig("warm_start", 2)),
        ("ddpm_epsilon", VariantConfig("full", 2)),
        ("ddpm_epsilon", VariantConfig("guided", 5)),
        ("flow", VariantConfig("warm_start", 3, step_list=(3, 1, 0))),
    ],
)
def test_what_a_kind_of_policy_does_not_have_is_refused(objective, config):
    with pytest.raises(ValueError, match="step list"):
        VariantGraph(chunk_parts(small_policy(objective)), config, 8)


def test_other_kinds_of_policies_are_refused_by_name():
    with pytest.raises(ConfigError, match="objective edm"):
        chunk_parts(small_policy("edm"))
    with pytest.raises(ConfigError, match="no velocity field"):
        flow_parts(small_policy("ddpm_epsilon"))


def test_without_the_derivative_guidance_has_a_name_of_its_own_and_takes_no_derivative():
    config = VariantConfig("guided", 5, jacobian="identity")
    assert config.name == "guided_5_identity" and not config.differentiates
    assert VariantConfig("guided", 5).differentiates and not VariantConfig("full", 5).differentiates
