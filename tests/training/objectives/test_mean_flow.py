"""MeanFlow against fields whose average velocity is known, and its derivative against differences."""

import torch

from training.objectives.flow_matching import interpolate
from training.objectives.mean_flow import MeanFlow, draw_spans
from training.policies.residual_mlp import ResidualMLP

B, H, A = 5, 3, 2


def network():
    torch.manual_seed(0)
    made = ResidualMLP(H, A, condition_dim=MeanFlow.extra_condition, width=16, depth=1, expansion=2).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return lambda x, levels: made(x, levels[:, 0], levels[:, 1:])


def point(seed=1):
    generator = torch.Generator().manual_seed(seed)
    x, velocity = (torch.randn(B, H, A, generator=generator, dtype=torch.float64) for _ in range(2))
    t, span = (0.4 * torch.rand(B, generator=generator, dtype=torch.float64) for _ in range(2))
    return x, velocity, t, span


def test_the_derivative_is_that_of_central_differences():
    objective, net = MeanFlow(), network()
    x, velocity, t, span = point()
    u, target = objective.sides(net, x, velocity, t, span)
    h, wide = 1e-4, span.view(-1, 1, 1)

    def ahead(step):
        return net(x + step * velocity, objective.levels(t + step, span - step))

    expected = velocity + wide * (ahead(h) - ahead(-h)) / (2 * h)
    assert float((target - expected).detach().abs().max() / expected.detach().abs().max()) < 1e-3
    torch.testing.assert_close(u, net(x, objective.levels(t, span)))


def test_without_a_span_it_is_flow_matching():
    objective, net = MeanFlow(), network()
    x, velocity, t, _ = point()
    _, target = objective.sides(net, x, velocity, t, torch.zeros_like(t))
    torch.testing.assert_close(target, velocity, atol=1e-6, rtol=0)


def test_the_exact_average_velocity_satisfies_the_identity_and_lands_on_the_point():
    """Data that is one point: every straight path leads there, so the average velocity is (point - x) / (1 - t)."""
    goal = torch.full((B, H, A), 0.7, dtype=torch.float64)

    def exact(x, levels):
        return (goal - x) / (1.0 - levels[:, 0]).view(-1, 1, 1)

    noise, _, t, span = point()
    x = interpolate(noise, goal, t)
    u, target = MeanFlow().sides(exact, x, goal - noise, t, span)
    torch.testing.assert_close(u, target, atol=1e-9, rtol=0)
    told = MeanFlow().step_condition(1).double()
    levels = torch.cat([torch.zeros(B, 1, dtype=torch.float64), told.expand(B, -1)], dim=-1)
    torch.testing.assert_close(noise + exact(noise, levels), goal)


def test_spans_stay_within_the_path_and_half_have_none():
    t, span = draw_spans(1000, torch.Generator().manual_seed(0))
    assert (span[:500] == 0.0).all() and (span[500:] > 0.0).all()
    assert float(t.min()) > 0.0 and float((t + span).max()) < 1.0


def test_padding_does_not_count_and_the_target_takes_no_gradient():
    objective, net = MeanFlow(), network()
    data = torch.randn(B, H, A, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    is_pad = torch.zeros(B, H, dtype=torch.bool)
    is_pad[:, 1:] = True

    def loss(chunk):
        def only_first(x, levels):  # of the padded steps the network sees nothing
            return net(torch.where(is_pad.unsqueeze(-1), 0.0, x), levels)

        generator = torch.Generator().manual_seed(3)
        return objective.loss(lambda x, levels: only_first(x.double(), levels.double()), chunk, is_pad, generator)

    other = torch.where(is_pad.unsqueeze(-1), 9.0, data)
    torch.testing.assert_close(loss(data), loss(other))
