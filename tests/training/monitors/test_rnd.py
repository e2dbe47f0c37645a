from itertools import pairwise

import numpy as np
import pytest
import torch

from training.monitors import PAPER, SMALL, RandomNetworkDistillation, RNDEnsemble


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_paper_sizes():
    sizes = [(32, *PAPER.target), (32, *PAPER.predictor)]
    target, predictor = (sum(a * b + b for a, b in pairwise(widths)) for widths in sizes)
    assert round(target / 1e6, 1) == 12.6 and round(predictor / 1e6, 1) == 21.5


def test_small_preset_is_the_paper_at_one_eighth_width():
    assert tuple(8 * w for w in SMALL.target) == PAPER.target
    assert tuple(8 * w for w in SMALL.predictor) == PAPER.predictor
    model = RandomNetworkDistillation(32)
    assert 0.5e6 < count(model) < 0.6e6


def test_layers_follow_the_paper():
    model = RandomNetworkDistillation(32)
    kinds = [[type(layer).__name__ for layer in net] for net in (model.target, model.predictor)]
    assert kinds[0] == ["Linear", "LeakyReLU"] * 3 + ["Linear"]
    assert kinds[1] == ["Linear", "LeakyReLU"] * 3 + ["Linear", "ReLU"] * 2 + ["Linear"]
    weight = model.predictor[0].weight.detach()  # (128, 32): orthonormal columns times sqrt(2)
    torch.testing.assert_close(weight.T @ weight, 2 * torch.eye(32), atol=1e-5, rtol=0)
    assert all((layer.bias == 0).all() for net in (model.target, model.predictor) for layer in net[::2])


def test_only_the_predictor_learns():
    model = RandomNetworkDistillation(8)
    model(torch.ones(3, 8)).mean().backward()
    assert all(p.grad is None for p in model.target.parameters())
    assert all(p.grad is not None for p in model.predictor.parameters())


def test_score_is_a_distance_not_an_mse():
    model = RandomNetworkDistillation(8)
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    gap = (model.predictor(x) - model.target(x)).detach().numpy()
    np.testing.assert_allclose(model(x).detach().numpy(), np.sqrt((gap**2).sum(1)), rtol=1e-5)


def test_seed_decides_and_global_state_does_not():
    torch.manual_seed(1)
    first = RandomNetworkDistillation(8, seed=5)
    torch.manual_seed(2)
    second, third = RandomNetworkDistillation(8, seed=5), RandomNetworkDistillation(8, seed=6)
    x = torch.ones(1, 8)
    assert torch.equal(first(x), second(x)) and not torch.equal(first(x), third(x))
    assert not torch.equal(first.target[0].weight, first.predictor[0].weight)


def test_standardisation_floors_dead_units():
    model = RandomNetworkDistillation(3)
    x = torch.tensor([[0.0, 5.0, -3.0], [2.0, 5.0, 3.0]])
    model.set_moments(x)
    floor = 0.1 * np.sqrt((1 + 0 + 9) / 3)
    np.testing.assert_allclose(model.std.numpy(), [1.0, floor, 3.0], rtol=1e-6)
    np.testing.assert_allclose(model.mean.numpy(), [1.0, 5.0, 0.0])
    model.set_moments(torch.ones(4, 3))
    assert model.std.tolist() == [1.0, 1.0, 1.0]


def test_paper_architecture_does_not_standardise():
    narrow = type(PAPER)((4, 4), (4, 4, 4, 4, 4), standardise=False)
    model = RandomNetworkDistillation(3, narrow)
    model.set_moments(torch.randn(9, 3) * 7)
    assert model.std.tolist() == [1.0] * 3 and model.mean.tolist() == [0.0] * 3


def test_ensemble_is_the_mean():
    members = [RandomNetworkDistillation(8, seed=s) for s in (0, 1)]
    x = torch.ones(2, 8)
    torch.testing.assert_close(RNDEnsemble(members)(x), (members[0](x) + members[1](x)) / 2)


@pytest.mark.parametrize("seed", [0, 42])
def test_untrained_networks_disagree_everywhere(seed):
    assert (RandomNetworkDistillation(8, seed=seed)(torch.randn(50, 8)) > 0.1).all()
