"""Cross-method bench: identities that hold for random weights, and small trained checks on one multimodal toy."""

import copy
import itertools

import pytest
import torch

from training.objectives.edm import Edm, EdmConfig
from training.policies.backbones.causal import CausalDecoder
from training.policies.backbones.unet import ConditionalUnet, ResidualConv
from training.policies.chunk_policy import ChunkPolicy
from training.policies.condition import ConditionLayout
from training.policies.config import ExpertConfig, PolicyConfig
from training.policies.moore import MooreEmbedding, orthonormalise

LAYOUT = ConditionLayout(embedding=6, history=2, step=5, static=3, tasks=3)


def small(**options):
    return PolicyConfig(**{"horizon": 8, "width": 32, "heads": 2, "depth": 2, **options})


# ---- exact


def test_a_denoiser_leaves_clean_samples_alone():
    edm, x = Edm(EdmConfig()), torch.randn(2, 4, 3)
    output = 100.0 * torch.ones_like(x)
    assert float((edm.to_data(output, x, 1e-9) - x).abs().max()) < 1e-6


def test_film_that_starts_at_zero_leaves_features_unchanged():
    torch.manual_seed(0)
    block = ResidualConv(8, 16, 12).eval()
    x = torch.randn(3, 8, 6)
    first, second = (block(x, torch.randn(3, 12)) for _ in range(2))
    assert torch.equal(first, second)
    plain = ResidualConv(8, 16, 0).eval()
    plain.load_state_dict({k: v for k, v in block.state_dict().items() if not k.startswith("film")})
    assert torch.equal(first, plain(x, torch.zeros(3, 0)))
    torch.nn.init.ones_(block.film.weight)
    assert not torch.equal(block(x, torch.randn(3, 12)), first)


def test_concatenation_has_no_modulation_left():
    unet = ConditionalUnet(small(conditioning="concat"), 3, 6)
    assert not [name for name, _ in unet.named_parameters() if "film" in name]


def test_noise_never_reaches_what_is_computed_of_the_observation():
    torch.manual_seed(0)
    network = CausalDecoder(small(backbone="causal"), 3, LAYOUT).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    condition, level = torch.randn(2, LAYOUT.size), torch.full((2,), 0.4)
    with torch.no_grad():
        a, b = (network.hidden(torch.randn(2, 8, 3), level, condition) for _ in range(2))
    prefix = 1 + network.tokens.count
    assert float((a[:, :prefix] - b[:, :prefix]).abs().max()) == 0.0
    assert float((a[:, prefix:] - b[:, prefix:]).abs().min()) > 0.0


@pytest.mark.parametrize("experts", [2, 4, 8])
def test_moore_experts_are_orthonormal_for_every_sample(experts):
    u = torch.randn(64, experts, 32, generator=torch.Generator().manual_seed(0))
    v = orthonormalise(u)
    gram = v @ v.transpose(1, 2)
    assert float((gram - torch.eye(experts)).abs().max()) < 1e-5
    swapped = orthonormalise(u.flip(1))  # another basis of the same space
    projector, other = (basis.transpose(1, 2) @ basis for basis in (v, swapped))
    assert float((projector - other).abs().max()) < 1e-4


def test_gradients_pass_through_the_orthonormalisation():
    u = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(orthonormalise, u)


def test_moore_mixes_by_task_with_free_signs():
    torch.manual_seed(0)
    config = PolicyConfig(embedding_size=16, embedding="moore", tasks=3, experts=ExpertConfig(count=4))
    embed = MooreEmbedding(7, config, (4, 5, 6))
    raw = torch.cat([torch.randn(1, 4).expand(3, 4), torch.eye(3)], dim=-1)
    features = raw[:1].expand(3, 7)
    z = embed(features, raw)
    assert float((z[0] - z[1]).abs().max()) > 1e-3
    with torch.no_grad():
        embed.mix.weight[:, 0] = -embed.mix.weight[:, 1]
    z = embed(features, raw)
    torch.testing.assert_close(z[0], -z[1])


# ---- trained, minutes: four modes at c (+-0.8, +-0.8) for a context c in [0.5, 1]

CORNERS = torch.tensor(list(itertools.product((-0.8, 0.8), repeat=2)))
SPREAD, NEAR = 0.05, 0.2


class Context(torch.nn.Module):
    """The context, and which mode is wanted where one is."""

    STATE, size, history, tasks = "context", 5, 1, 4

    def forward(self, observation):
        return torch.cat([observation["context"].flatten(1), observation["goal"]], dim=-1)


def draw(batch, generator, goals=False):
    context = 0.5 + 0.5 * torch.rand(batch, 1, generator=generator)
    mode = torch.randint(4, (batch,), generator=generator)
    data = context * CORNERS[mode] + SPREAD * torch.randn(batch, 2, generator=generator)
    goal = torch.nn.functional.one_hot(mode, 4).float() if goals else torch.full((batch, 4), 0.25)
    return {"context": context, "goal": goal}, data.unsqueeze(1), mode


def fitted(steps, goals=False, **options):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    sizes = {"horizon": 1, "width": 192, "depth": 3, "embedding_size": 32}
    policy = ChunkPolicy(PolicyConfig(**{**sizes, **options}), Context(), 2, [False, False])
    observation, data, _ = draw(4096, generator, goals)
    policy.fit_statistics(observation, data, torch.zeros(4096, 1, dtype=torch.bool))
    optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    averaged = copy.deepcopy(policy).eval().requires_grad_(False)
    for step in range(steps):
        observation, data, _ = draw(256, generator, goals)
        loss = policy.loss(observation, data, torch.zeros(256, 1, dtype=torch.bool))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        keep = 0.0 if step < steps // 2 else 0.999
        for mine, theirs in zip(averaged.parameters(), policy.parameters(), strict=True):
            mine.lerp_(theirs, 1.0 - keep)
    return averaged


def sampled(policy, goals=False, **options):
    """Share of samples on a mode, share of the rarest among them, share on the wanted mode."""
    again = ChunkPolicy(
        PolicyConfig(**{**{f: getattr(policy.config, f) for f in policy.config.__dataclass_fields__}, **options}),
        Context(), 2, [False, False],
    ).eval().requires_grad_(False)  # fmt: skip
    again.load_state_dict(policy.state_dict())
    generator = torch.Generator().manual_seed(7)
    observation, _, wanted = draw(2000, generator, goals)
    noise = torch.randn(2000, again.noise_rows, 2, generator=generator)
    with torch.no_grad():
        chunk, _ = again(observation, noise)
    distance = (chunk - observation["context"].unsqueeze(1) * CORNERS).norm(dim=-1)
    nearest, mode = distance.min(1)
    hit = nearest < NEAR
    rarest = float(torch.bincount(mode[hit], minlength=4).min()) / max(1, int(hit.sum()))
    result = float(hit.float().mean()), rarest, float(((mode == wanted) & hit).float().mean())
    print(options, tuple(round(value, 3) for value in result))
    return result


BESO_RANGE = EdmConfig(sigma_min=0.005, sigma_max=1.0)


@pytest.mark.slow
def test_edm_samples_all_modes_and_heun_needs_enough_steps():
    policy = fitted(4000, objective="edm", edm=BESO_RANGE)
    on_mode, rarest, _ = sampled(policy, sampling_steps=10)
    assert on_mode > 0.85 and rarest > 0.2
    three, heun = sampled(policy, sampling_steps=3)[0], sampled(policy, sampling_steps=3, sampler="heun")[0]
    assert heun < three - 0.1  # second order pays only with enough steps
    assert sampled(policy, sampling_steps=20)[0] > three


@pytest.mark.slow
def test_guidance_pulls_towards_the_goal_and_without_it_all_modes_remain():
    policy = fitted(3000, goals=True, objective="edm", edm=BESO_RANGE, condition_dropout=0.1, sampling_steps=10)
    assert sampled(policy, goals=True, guidance=2.0)[2] > 0.95
    on_mode, rarest, wanted = sampled(policy, goals=True, guidance=0.0)
    assert on_mode > 0.8 and rarest > 0.15 and wanted == pytest.approx(0.25, abs=0.06)


@pytest.mark.slow
def test_one_step_of_a_flow_is_the_mean_and_ten_are_on_a_mode():
    policy = fitted(4000)
    assert sampled(policy, sampling_steps=1)[0] < 0.05
    on_mode, rarest, _ = sampled(policy, sampling_steps=10)
    assert on_mode > 0.8 and rarest > 0.2


@pytest.mark.slow
def test_a_shortcut_model_needs_one_step():
    policy = fitted(6000, objective="shortcut")
    assert sampled(policy, sampling_steps=1)[0] > 0.6
    assert sampled(policy, sampling_steps=4)[0] > 0.75


@pytest.mark.slow
def test_a_consistency_model_needs_two_steps():
    from training.objectives.consistency import ConsistencyConfig

    policy = fitted(6000, objective="consistency", consistency=ConsistencyConfig(total_updates=6000))
    on_mode, rarest, _ = sampled(policy, sampling_steps=2)
    assert on_mode > 0.75 and rarest > 0.2


@pytest.mark.slow
def test_mode_samples_all_modes_and_its_cache_the_same_chunks():
    from training.export.deployable import deployable

    policy = fitted(
        3000, objective="edm", edm=BESO_RANGE, backbone="mode", width=64, depth=2, heads=2, sampling_steps=10
    )
    on_mode, rarest, _ = sampled(policy)
    assert on_mode > 0.8 and rarest > 0.15
    observation, _, _ = draw(200, torch.Generator().manual_seed(3))
    noise = torch.randn(200, policy.noise_rows, 2)
    with torch.no_grad():
        routed, fused = policy(observation, noise)[0], deployable(policy)(observation, noise)[0]
    assert float((routed - fused).abs().max()) < 1e-5
    print(policy.denoiser.usage([1.0, 0.5, 0.0]))


@pytest.mark.slow
def test_mean_flow_is_good_with_two_evaluations():
    policy = fitted(12_000, objective="meanflow")
    one, two = sampled(policy, sampling_steps=1)[0], sampled(policy, sampling_steps=2)[0]
    assert one > 0.5 and two > 0.9
