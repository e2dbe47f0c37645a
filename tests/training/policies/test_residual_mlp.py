import math

import torch

from training.policies.condition import ConditionLayout
from training.policies.config import PolicyConfig
from training.policies.parts import make_backbone
from training.policies.residual_mlp import ResidualBlock, ResidualMLP, TimeEmbedding


def test_untrained_network_answers_zero_for_anything():
    network = ResidualMLP(4, 3, condition_dim=5, width=16, depth=2, expansion=2)
    x, t, condition = torch.randn(7, 4, 3), torch.rand(7), torch.randn(7, 5)
    assert torch.equal(network(x, t, condition), torch.zeros(7, 4, 3))


def test_untrained_blocks_are_the_identity():
    """adaLN-zero: the gate starts at zero."""
    h = torch.randn(3, 8)
    assert torch.equal(ResidualBlock(8, 2)(h, torch.randn(3, 8)), h)


def test_every_input_matters_once_trained():
    torch.manual_seed(0)
    network = ResidualMLP(4, 3, condition_dim=5, width=16, depth=2, expansion=2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    inputs = [torch.randn(2, 4, 3), torch.tensor([0.2, 0.7]), torch.randn(2, 5)]
    for value in inputs:
        value.requires_grad_()
    network(*inputs).square().sum().backward()
    assert all(value.grad.abs().min() > 0 for value in inputs)


def test_time_features_are_smooth():
    """pi0's features change by a derivative of 1600, which breaks JVP-based training (digest 18.5); these by 32 pi."""
    embedding = TimeEmbedding(64).double()
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    features = embedding(t)
    assert features.shape == (101, 64)
    assert math.isclose(float(embedding.frequencies.min()), math.pi, rel_tol=1e-6)
    assert math.isclose(float(embedding.frequencies.max()), 32 * math.pi, rel_tol=1e-6)
    slope = (embedding(t + 1e-6) - embedding(t - 1e-6)) / 2e-6
    assert slope.abs().max() <= 32 * math.pi * 1.001
    assert torch.pdist(features).min() > 0.05  # and still tell times apart


def test_mean_flow_is_told_the_time_more_smoothly():
    """A twelve thousand step run of mean flow reached no mode in one step with 32 pi, and with 4 pi it did."""
    assert math.isclose(float(TimeEmbedding(64, 2).frequencies.max()), 4 * math.pi, rel_tol=1e-6)
    layout = ConditionLayout(embedding=6, history=2, step=5, static=3, tasks=3)
    told = {"flow": (32, ("mlp", "dit", "unet", "transformer", "causal")), "meanflow": (4, ("mlp", "unet"))}
    for objective, (highest, backbones) in told.items():
        for backbone in backbones:
            config = PolicyConfig(horizon=8, width=32, heads=2, depth=2, objective=objective, backbone=backbone)
            made = make_backbone(config, 3, layout)
            found = [m.frequencies.max() for m in made.modules() if isinstance(m, TimeEmbedding)]
            assert found and all(math.isclose(f, highest * math.pi, rel_tol=1e-6) for f in found), backbone
