"""Operations against counts by hand: two per weight of a matrix product and row, two products per attention head."""

import copy

import pytest
import torch

from policy_nodes.bundle.manifest import ObservationFeature
from training.evaluation.operations import active_parameters, count_network, count_operations
from training.policies.backbones.attention import Attention
from training.policies.backbones.mode import MoDE
from training.policies.chunk_policy import ChunkPolicy
from training.policies.condition import ConditionLayout
from training.policies.config import ExpertConfig, PolicyConfig

H, A, W, E = 8, 4, 32, 8
FEATURES, TASKS = 13, 3  # two steps of five, and a task identity


class Encoder(torch.nn.Module):
    STATE, size, history, tasks = "state", FEATURES, 2, TASKS

    def forward(self, observation):
        return torch.cat([observation["state"].flatten(1), observation["task"].flatten(1)], dim=-1)


def counted(**options):
    torch.manual_seed(0)
    sizes = {"horizon": H, "width": W, "heads": 2, "depth": 2, "embedding_size": E, "sampling_steps": 3, "tasks": TASKS}
    policy = ChunkPolicy(PolicyConfig(**{**sizes, **options}), Encoder(), A, [False] * A).eval()
    for name, normalizer in (("observation", policy.observation_normalizer), ("action", policy.action_normalizer)):
        normalizer.fit(torch.zeros_like(normalizer.mean), torch.ones_like(normalizer.std))
        normalizer.require_fitted(name)
    features = [feature("state", 2, 5), feature("task", 1, TASKS)]
    return count_operations(policy, features), policy


def feature(name, history, size):
    return ObservationFeature.model_construct(name=name, history=history, terms=[_Term(size)])


class _Term:
    def __init__(self, size):
        self.axes = [str(i) for i in range(size)]
        self.size = size


EMBEDDING = FEATURES * 2 * E + 2 * E * E


def test_mlp_by_hand():
    found, _ = counted(objective="flow", backbone="mlp")
    block = W * 3 * W + 2 * (W * 2 * W)
    products = E * W + H * A * W + 2 * block + W * H * A
    assert found.per_evaluation == 2 * products  # the embedding of the level is a table as deployed
    assert found.evaluations == 3 and found.per_chunk == 2 * (EMBEDDING + 3 * products)
    assert found.active_parameters == found.parameters


def test_attention_by_hand():
    tokens, memory = 5, 7
    x, m = torch.zeros(1, tokens, W), torch.zeros(1, memory, W)
    projections = tokens * W * W + memory * 2 * W * W + tokens * W * W
    scores = 2 * tokens * memory * W  # queries with keys, weights with values
    assert count_network(Attention(W, 4).eval(), x, m) == 2 * (projections + scores)


def mode_by_hand(experts_hidden):
    """Operations of one evaluation whose experts have this hidden width in sum."""
    tokens = 1 + (1 + 1 + 2) + H  # level; embedding, what is said once, two steps; actions
    noise = W + W * W
    condition = E * W + TASKS * W + 2 * 5 * W
    attention = tokens * 4 * W * W + 2 * tokens * tokens * W
    expert = tokens * (W * 2 * experts_hidden + experts_hidden * W)
    return 2 * (noise + condition + H * A * W + 2 * (attention + expert) + H * W * A)


def test_fused_mode_costs_its_two_experts_and_no_router():
    found, policy = counted(objective="edm", backbone="mode", experts=ExpertConfig(count=4, top_k=2))
    assert found.per_evaluation == mode_by_hand(2 * 2 * W)
    one = W * 4 * W + 4 * W + 2 * W * W  # both layers of SwiGLU and the bias of the first
    router = W * 2 * W + 2 * W + 2 * W * 4 + 4
    assert found.parameters - found.active_parameters == 2 * (2 * one + router)
    assert active_parameters(policy) == found.active_parameters


def test_the_cache_saves_the_routers_alone_and_a_dense_network_costs_all_experts():
    found, policy = counted(objective="edm", backbone="mode", experts=ExpertConfig(count=4, top_k=2))
    routed = copy.deepcopy(policy.denoiser)
    inputs = (torch.zeros(1, H, A), torch.zeros(1), torch.zeros(1, policy.layout.size))
    router = 2 * (W * 2 * W + 2 * W * 4)
    assert count_network(routed, *inputs) == found.per_evaluation + 2 * router
    dense, _ = counted(objective="edm", backbone="mode", expansion=8, experts=ExpertConfig(count=1, top_k=1))
    assert dense.per_evaluation == mode_by_hand(8 * W)
    assert found.per_evaluation < 0.6 * dense.per_evaluation


def test_sdp_leaves_out_experts_and_the_routers_of_other_tasks():
    found, _ = counted(objective="ddpm_epsilon", backbone="sdp", experts=ExpertConfig(count=5, top_k=2))
    router = W * 128 + 128 + 128 * 5 + 5
    assert found.parameters - found.active_parameters == 2 * (3 * (W * 4 * W + 4 * W + 2 * W * W) + 2 * router)


def test_guidance_evaluates_twice():
    plain, _ = counted(objective="edm", backbone="causal", condition_dropout=0.1)
    guided, _ = counted(objective="edm", backbone="causal", condition_dropout=0.1, guidance=1.5)
    assert guided.evaluations == 2 * plain.evaluations == 6
    assert guided.per_evaluation == plain.per_evaluation


def test_the_published_size_saves_less_than_half_and_not_nine_tenths():
    """Width 1024, twelve layers, four experts of which two work, batch 1, on ``meta`` tensors.

    MoDE (arXiv 2412.12953) reports 90 % fewer operations than "default diffusion transformers". Counted against the
    dense network of as many parameters, attention included, top-2 of 4 cannot save more than half.
    """
    layout = ConditionLayout(embedding=512, history=1, step=1024, static=512)

    def operations(**experts):
        expansion = experts.pop("expansion", 4)
        config = PolicyConfig(
            horizon=10, width=1024, depth=12, heads=8, expansion=expansion, objective="edm", backbone="mode",
            experts=ExpertConfig(**experts),
        )  # fmt: skip
        with torch.device("meta"):
            network = MoDE(config, 7, layout).eval()
            inputs = (torch.zeros(1, 10, 7), torch.zeros(1), torch.zeros(1, layout.size))
        return count_network(network, *inputs), sum(p.numel() for p in network.parameters())

    (sparse, size), (dense, dense_size) = operations(count=4, top_k=2), operations(count=1, top_k=1, expansion=16)
    assert size == pytest.approx(dense_size, rel=0.05)
    assert 1.0 - sparse / dense == pytest.approx(24 / 52, abs=0.03)  # 12 of 24 experts' products; 4 of attention stay
