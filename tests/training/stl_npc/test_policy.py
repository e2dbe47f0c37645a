import pytest
import torch

from tests.training.stl_npc.line import Line
from training.stl_npc.policy import PredictivePolicy


def made(**sizes):
    torch.manual_seed(0)
    return PredictivePolicy(Line(), **{"width": 8, "depth": 2, **sizes})


def test_controls_stay_within_their_limits_however_far_the_state_is():
    policy = made()
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=3.0)
    controls = policy(torch.tensor([[1e4, -1e4], [0.0, 0.0]]))
    assert controls.shape == (2, 4, 1) and float(controls.detach().abs().max()) <= 0.25


def test_features_are_standardised_and_a_constant_one_does_not_explode():
    policy = made()
    states = torch.stack([torch.linspace(-1, 1, 11), torch.full((11,), 0.5)], 1)
    policy.fit_statistics(states)
    assert policy.mean.tolist() == pytest.approx([0.0, 0.5, 0.5], abs=1e-6)
    deviation = float(states[:, 0].std())
    assert policy.std.tolist() == pytest.approx([deviation, 1e-3, deviation])
    moved = torch.tensor([[0.0, 0.5 + 1e-4]])
    assert float((policy.embedding(moved) - policy.embedding(torch.tensor([[0.0, 0.5]]))).detach().abs().max()) < 1.0


def test_the_statistics_travel_with_the_weights():
    policy = made()
    policy.fit_statistics(Line().sample(50, torch.Generator().manual_seed(1)))
    other = made()
    other.load_state_dict(policy.state_dict())
    state = torch.tensor([[0.2, 0.6]])
    assert torch.equal(policy(state), other(state)) and not torch.equal(other.std, torch.ones(3))


def test_depth_counts_hidden_layers():
    assert [len(made(depth=depth).hidden) for depth in (1, 3)] == [2, 6]
