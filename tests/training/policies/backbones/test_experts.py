import copy

import pytest
import torch

from policy_nodes.errors import ConfigError
from training.policies.backbones.experts import ExpertBank, choose, load_balance
from training.policies.backbones.mode import MoDE
from training.policies.backbones.sdp import SparseTransformer
from training.policies.condition import ConditionLayout
from training.policies.config import ExpertConfig, PolicyConfig

LAYOUT = ConditionLayout(embedding=6, history=2, step=5, static=3, tasks=3)
LEVELS = [1.0, 0.7, 0.4, 0.1, 0.0]


def randomised(module):
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return module


def condition(task=0, batch=4):
    values = torch.randn(batch, LAYOUT.size, generator=torch.Generator().manual_seed(1))
    values[:, -3:] = torch.eye(3)[task]
    return values


def config(backbone, **experts):
    return PolicyConfig(
        horizon=8, width=32, heads=2, depth=2, backbone=backbone, tasks=3, experts=ExpertConfig(**experts)
    )


def test_training_and_evaluation_run_the_same_experts():
    bank = randomised(ExpertBank(4, 8, 16))
    x, chosen = torch.randn(5, 3, 8), torch.tensor([[0, 1], [3, 1], [2, 0], [0, 3], [1, 2]])
    weight = torch.rand(5, 2)
    grouped = bank.train()(x, chosen, weight)
    torch.testing.assert_close(bank.eval()(x, chosen, weight), grouped)
    by_hand = sum(weight[0, j] * bank.experts[int(chosen[0, j])](x[0]) for j in range(2))
    torch.testing.assert_close(grouped[0], by_hand)


def test_choice_takes_the_largest_and_sums_to_one():
    p = torch.tensor([[0.1, 0.5, 0.3, 0.1]])
    chosen, weight = choose(p, 2, sample=False)
    assert chosen.tolist() == [[1, 2]]
    torch.testing.assert_close(weight, torch.tensor([[0.625, 0.375]]))


def test_sampled_choice_follows_the_probabilities_without_replacement():
    torch.manual_seed(0)
    p = torch.tensor([0.6, 0.3, 0.1]).expand(20000, 3)
    chosen, _ = choose(p, 2, sample=True)
    assert (chosen[:, 0] != chosen[:, 1]).all()
    first = torch.bincount(chosen[:, 0], minlength=3) / 20000
    torch.testing.assert_close(first, p[0], atol=0.015, rtol=0)


def test_balanced_experts_have_balance_one_and_a_favourite_costs_more():
    even = torch.full((4, 4), 0.25)
    assert float(load_balance(even, torch.tensor([[0, 1], [2, 3], [0, 2], [1, 3]]))) == pytest.approx(1.0)
    skewed = torch.tensor([[0.7, 0.1, 0.1, 0.1]]).expand(4, 4)
    assert float(load_balance(skewed, torch.tensor([[0, 1]] * 4))) == pytest.approx(4 * (0.5 * 0.7 + 0.5 * 0.1))


def test_fused_experts_equal_the_routed_ones_at_every_level_without_a_router_call():
    routed = randomised(MoDE(config("mode"), 3, LAYOUT)).eval()
    fused = copy.deepcopy(routed)
    fused.fuse(LEVELS)
    assert not any("router" in name for name, _ in fused.named_modules())
    x, c = torch.randn(4, 8, 3), condition()
    for level in LEVELS:
        expected = routed(x, torch.full((4,), level), c).detach()
        assert float((fused(x, level, c).detach() - expected).abs().max()) <= 1e-5 * max(
            1.0, float(expected.abs().max())
        )


def test_a_level_that_was_not_fused_is_refused():
    fused = randomised(MoDE(config("mode"), 3, LAYOUT)).eval()
    fused.fuse(LEVELS)
    with pytest.raises(ConfigError, match=r"0\.35 is not among the 5"):
        fused(torch.zeros(1, 8, 3), 0.35, condition(batch=1))


def test_mode_routes_by_the_noise_alone():
    network = randomised(MoDE(config("mode"), 3, LAYOUT)).eval()
    seen = []
    network.blocks[0].router.register_forward_hook(lambda _, __, output: seen.append(output))
    network(torch.randn(4, 8, 3), torch.full((4,), 0.3), condition())
    assert torch.equal(seen[0], seen[0][:1].expand_as(seen[0]))


def test_a_new_task_leaves_old_answers_and_old_weights_untouched():
    network = randomised(SparseTransformer(config("sdp", count=3), 3, LAYOUT)).eval()
    network.tasks = 2  # a third identity is still free
    for layer in network.layers:
        del layer.experts.routers[2]
        layer.experts.joint = layer.experts.joint[:2]
    x, level = torch.randn(4, 8, 3), torch.full((4,), 0.5)

    @torch.no_grad()  # as it runs; with gradients attention takes another kernel
    def answers():
        return [network.eval()(x, level, condition(task)) for task in (0, 1)]

    assert all(torch.equal(a, b) for a, b in zip(answers(), answers(), strict=True))

    before = answers()
    stored = {name: value.clone() for name, value in network.named_parameters()}
    network.grow(experts=2)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(3):
        network.train()
        optimizer.zero_grad()
        (network(x, level, condition(2)) - 1.0).square().sum().backward()
        optimizer.step()
    assert trained and all(p.grad is not None for p in trained)
    assert all(torch.equal(value, dict(network.named_parameters())[name]) for name, value in stored.items())
    assert all(torch.equal(a, b) for a, b in zip(answers(), before, strict=True))  # not a bit has changed


def test_a_task_trains_its_own_router_only():
    network = randomised(SparseTransformer(config("sdp"), 3, LAYOUT)).train()
    network(torch.randn(4, 8, 3), torch.full((4,), 0.5), condition(1)).square().sum().backward()
    for task, router in enumerate(network.layers[0].experts.routers):
        assert (float(router[2].weight.grad.abs().sum()) > 0) == (task == 1)


def test_information_rises_when_tasks_own_experts():
    experts = SparseTransformer(config("sdp", count=4), 3, LAYOUT).layers[0].experts
    assert experts.mutual_information() == pytest.approx(0.0, abs=1e-6)
    experts.joint = torch.eye(3, 4)
    assert experts.mutual_information() == pytest.approx(1.0986, abs=1e-3)
