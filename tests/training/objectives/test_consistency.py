"""Consistency functions: boundary, discretisation, targets and the teacher's step, for data whose flow is known."""

import math

import pytest
import torch

from policy_nodes.errors import ConfigError
from tests.training.objectives.oracle import MEAN, STD, gaussian_data, nothing_padded, posterior, seeded
from training.objectives.consistency import Consistency, ConsistencyConfig, teacher_step
from training.objectives.edm import EdmConfig
from training.samplers.grids import karras

NOISE = EdmConfig(sigma_min=0.002, sigma_max=80.0)


def make(**options):
    return Consistency(NOISE, ConsistencyConfig(**options))


def solution(x, sigma, end=NOISE.sigma_min):
    """Where the probability flow of N(MEAN, STD^2) ends: a Gaussian keeps its quantile."""
    return MEAN + (x - MEAN) * ((STD**2 + end**2) / (STD**2 + sigma**2)) ** 0.5


def raw_output(objective, value, x, sigma):
    """The network output with which f(x, sigma) is ``value``."""
    return (value - objective.skip(sigma) * x) / objective.out(sigma)


def test_scalings_of_the_paper_by_hand():
    """At t = 0.502, eps = 0.002, sigma_data = 0.5: c_skip = 0.25 / 0.5, c_out = 0.25 / sqrt(0.502^2 + 0.25)."""
    objective = make()
    assert objective.skip(0.502) == pytest.approx(0.5)
    assert objective.out(0.502) == pytest.approx(0.25 / math.sqrt(0.502**2 + 0.25))
    assert (objective.skip(NOISE.sigma_min), objective.out(NOISE.sigma_min)) == (1.0, 0.0)


@pytest.mark.parametrize("sigma", [0.002, 0.1, 1.0, 80.0])
def test_training_and_sampling_read_the_network_alike(sigma):
    """``function`` of the loss and ``scale_input``, ``level``, ``to_data`` of the samplers are one function."""
    objective = make()
    x = torch.randn(3, 4, 2, generator=seeded(), dtype=torch.float64)

    def network(x, level):
        return torch.sin(3.0 * x) + level.view(-1, 1, 1)

    level = torch.full((3,), objective.level(sigma), dtype=torch.float64)
    sampled = objective.to_data(network(objective.scale_input(x, sigma), level), x, sigma)
    trained = objective.function(network, x, torch.full((3,), sigma, dtype=torch.float64))
    torch.testing.assert_close(sampled, trained)


def test_the_grid_grows_as_published():
    """N(k) = ceil(sqrt(k/K (s1^2 - s0^2) + s0^2) - 1) + 1 with s0 = 2, s1 = 150 (Song et al., appendix C)."""
    objective = make(total_updates=1000)
    counts = []
    for update in (0, 1, 10, 250, 500, 999, 1000, 5000):
        objective.updates.fill_(update)
        counts.append(objective.levels_now())
    # 250: sqrt(5628) = 75.02 -> ceil(74.02) + 1; 500: sqrt(11252) = 106.08 -> 107; afterwards it stays
    assert counts == [2, 6, 16, 76, 107, 150, 150, 150]


def test_only_training_counts_updates_and_a_teacher_fixes_the_grid(monkeypatch):
    data, asked = gaussian_data(8), []
    monkeypatch.setattr(
        "training.objectives.consistency.karras", lambda count, *rest: asked.append(count) or karras(count, *rest)
    )
    objective = make(distill=17, total_updates=4)
    zero = lambda x, level: torch.zeros_like(x)  # noqa: E731
    objective.loss(zero, data, nothing_padded(data), seeded())
    objective.loss(zero, data, nothing_padded(data), seeded(), teacher=lambda x, sigma: x)
    assert (int(objective.updates), asked) == (2, [2, 17])
    objective.eval().loss(zero, data, nothing_padded(data), seeded())
    assert int(objective.updates) == 2
    assert "updates" in objective.state_dict()  # a resumed run goes on with its grid


def test_the_flows_own_solution_is_consistent_along_a_path_and_nothing_else_is():
    """f of two levels of one deterministic path agree; with the shared noise of training they agree up to O(step)."""
    objective = make()
    start = torch.linspace(-100, 100, 5, dtype=torch.float64).view(5, 1, 1)
    levels = (80.0, 3.0, 0.4, 0.002)
    for sigma in levels[1:]:
        x = solution(start, 80.0, end=sigma)
        output = raw_output(objective, solution(x, sigma), x, sigma) if sigma > 0.002 else torch.zeros_like(x)
        torch.testing.assert_close(objective.to_data(output, x, sigma), solution(start, 80.0), rtol=1e-9, atol=1e-9)


def consistent_network(objective):
    def network(scaled, level):
        low, high = math.log(NOISE.sigma_min), math.log(NOISE.sigma_max)
        sigma = (low + level * (high - low)).exp().clamp(min=NOISE.sigma_min * (1 + 1e-4)).view(-1, 1, 1)
        x = scaled * (sigma.square() + NOISE.sigma_data**2).sqrt()
        return raw_output(objective, solution(x, sigma), x, sigma)

    return network


def test_distillation_has_no_loss_at_the_flows_solution_and_training_has_little():
    """A Heun step of the perfect teacher stays on the path up to its own third-order error."""
    data = gaussian_data(2000).double()
    objective = make(distill=80, scaled=False).eval()
    network = consistent_network(objective)

    def teacher(x, sigma):
        return posterior(x, 1.0, sigma.view(-1, 1, 1))

    def loss(network, teacher):
        return float(objective.loss(network, data, nothing_padded(data), seeded(2), teacher))

    exact = loss(network, teacher)
    assert exact < 1e-5
    assert loss(lambda x, t: network(x, t) + 0.1 * t.view(-1, 1, 1), teacher) > 3 * exact
    # Its other fixed point, the constant function, is why the boundary exists: f(x, eps) = x forbids it.
    assert loss(lambda x, t: torch.zeros_like(x), teacher) > 30 * exact


def test_neighbouring_levels_share_the_noise_and_the_lower_side_has_no_gradient():
    data = gaussian_data(64, seed=1)
    objective = make(coarse=150, fine=150, scaled=False)
    weight = torch.ones((), requires_grad=True)
    seen = []

    def network(x, level):
        seen.append((x.detach(), torch.is_grad_enabled(), level))
        return weight * x

    objective.loss(network, data, nothing_padded(data), seeded(3)).backward()
    (low_x, low_grad, low_level), (high_x, high_grad, high_level) = seen
    assert (low_grad, high_grad) == (False, True)
    assert bool((low_level < high_level).all())

    def noise_of(scaled, level):
        span = math.log(NOISE.sigma_max / NOISE.sigma_min)
        sigma = (math.log(NOISE.sigma_min) + level * span).exp().view(-1, 1, 1)
        return (scaled * (sigma.square() + 0.25).sqrt() - data) / sigma, sigma.flatten()

    (one, low), (other, high) = noise_of(low_x, low_level), noise_of(high_x, high_level)
    big = low > 1.0
    torch.testing.assert_close(one[big], other[big], rtol=1e-3, atol=1e-3)
    grid = karras(150, NOISE.sigma_min, NOISE.sigma_max)
    for a, b in zip(high.tolist(), low.tolist(), strict=True):
        nearest = min(range(150), key=lambda i: abs(grid[i] - a))
        assert b == pytest.approx(grid[nearest + 1], rel=1e-3)
    assert weight.grad is not None and math.isfinite(float(weight.grad))


def test_scaling_divides_a_pair_by_its_distance():
    """With two levels there is one pair, (80, 0.002): the scaled loss is the plain one over 79.998."""
    data = gaussian_data(32, seed=4)
    zero = lambda x, level: torch.zeros_like(x)  # noqa: E731
    plain, scaled = (make(scaled=s).loss(zero, data, nothing_padded(data), seeded(5)) for s in (False, True))
    assert float(plain) / float(scaled) == pytest.approx(79.998, rel=1e-5)


def test_a_teachers_step_is_heuns():
    """By hand at x = 2, from 1 to 0.5, with the teacher D = 0: slopes 2 / 1 and 1 / 0.5, so x - 0.5 * 2 = 1."""
    x = torch.full((1, 1, 1), 2.0)
    assert float(teacher_step(lambda x, s: torch.zeros_like(x), x, torch.tensor([1.0]), torch.tensor([0.5]))) == 1.0

    def answer(x, sigma):  # D = sigma: slopes (2 - 1) / 1, then (1.5 - 0.5) / 0.5
        return sigma.view(-1, 1, 1).expand_as(x)

    assert float(teacher_step(answer, x, torch.tensor([1.0]), torch.tensor([0.5]))) == pytest.approx(2 - 0.5 * 1.5)


def test_a_teachers_step_has_an_error_of_third_order():
    def error(size):
        high = torch.tensor([1.0], dtype=torch.float64)
        x = torch.full((1, 1, 1), 1.7, dtype=torch.float64)
        found = teacher_step(lambda x, s: posterior(x, 1.0, s.view(-1, 1, 1)), x, high, high - size)
        return abs(float(found) - float(solution(x, 1.0, end=1.0 - size)))

    assert math.log2(error(0.1) / error(0.05)) == pytest.approx(3.0, abs=0.3)


def test_sampling_levels_halve_from_near_sigma_data_and_never_pass_the_end():
    objective = make()
    assert objective.times(1, "karras") == [80.0, 0.002]
    assert objective.times(3, "karras") == pytest.approx([80.0, 0.3, 0.15, 0.002])
    many = objective.times(20, "karras")
    assert len(many) == 21 and min(many) == 0.002


@pytest.mark.parametrize("wrong", [{"coarse": 1}, {"coarse": 9, "fine": 8}, {"distill": 1}, {"total_updates": 0}])
def test_impossible_grids_are_refused_with_the_option(wrong):
    with pytest.raises(ConfigError, match=r"--config\.policy\.consistency") as refused:
        ConsistencyConfig(**wrong)
    assert next(iter(wrong)) in str(refused.value)
