"""Shortcut models: which steps are asked for, and that the exact many-step flow is the fixed point."""

import pytest
import torch

from policy_nodes.errors import ConfigError
from tests.training.objectives.oracle import gaussian_data, nothing_padded, seeded
from training.objectives.shortcut import Shortcut, ShortcutConfig

GOAL = 0.7


def towards_goal(x, levels):
    """Point-mass data: the velocity (goal - x) / (1 - t) is straight, so a step of any length is that step."""
    return (GOAL - x) / (1.0 - levels[:, 0]).clamp(min=1e-4).view(-1, 1, 1)


def recorded(answer):
    calls = []

    def network(x, levels):
        calls.append((x.detach(), levels.detach(), torch.is_grad_enabled()))
        return answer(x, levels)

    return network, calls


def sizes(levels):
    assert bool((levels[:, 1:].sum(-1) == 1.0).all())
    return levels[:, 1:].argmax(-1)


def test_the_straight_field_is_its_own_target_at_every_size():
    data = torch.full((64, 3, 1), GOAL, dtype=torch.float64)
    objective = Shortcut(ShortcutConfig(base_steps=8))
    assert float(objective.loss(towards_goal, data, nothing_padded(data), seeded())) < 1e-10
    off = objective.loss(lambda x, t: towards_goal(x, t) + 0.5, data, nothing_padded(data), seeded())
    assert float(off) > 0.1


def test_the_target_of_a_long_step_is_two_half_steps_of_the_network_itself():
    """For s(x, t, d) = x + t, two halves from x at t give (x + t + (x + d/2 (x + t)) + t + d/2) / 2."""
    objective = Shortcut(ShortcutConfig(base_steps=4, consistency_share=0.5))
    data = gaussian_data(8, seed=1)

    def answer(x, levels):
        return x + levels[:, 0].view(-1, 1, 1)

    network, calls = recorded(answer)
    loss = float(objective.loss(network, data, nothing_padded(data), seeded(2)))
    (first_x, first_levels, _), (second_x, second_levels, _), (x, levels, _) = calls
    assert torch.equal(first_x, x)
    index, t = sizes(levels), levels[:, 0]
    long = torch.arange(8) >= 4
    half = torch.where(long, 0.5 / 2.0**index, 0.0)
    torch.testing.assert_close(second_levels[:, 0], t + half)
    assert torch.equal(sizes(first_levels)[long], index[long] + 1)
    wide, told = half.view(-1, 1, 1), t.view(-1, 1, 1)
    torch.testing.assert_close(second_x, x + wide * (x + told))
    expected = (x + told + x + wide * (x + told) + told + wide) / 2
    error = (answer(x, levels) - expected).square()
    noise = torch.randn(data.shape, generator=seeded(2))
    flow = (answer(x, levels) - (data - noise)).square()
    assert loss == pytest.approx(float(torch.where(long.view(-1, 1, 1), error, flow).mean()), rel=1e-5)


def test_plain_samples_have_the_smallest_step_and_long_ones_start_on_their_own_grid():
    objective = Shortcut(ShortcutConfig(base_steps=16, consistency_share=0.25))
    data = gaussian_data(400)
    network, calls = recorded(lambda x, levels: torch.zeros_like(x))
    objective.loss(network, data, nothing_padded(data), seeded())
    _, levels, _ = calls[-1]
    index, t = sizes(levels), levels[:, 0]
    assert bool((index[:300] == 4).all()) and set(index[300:].tolist()) == {0, 1, 2, 3}
    assert torch.bincount(index[300:]).tolist() == [25, 25, 25, 25]
    on_grid = t[300:] * 2.0 ** index[300:]
    torch.testing.assert_close(on_grid, on_grid.round())
    assert float((t[300:] + 0.5 ** index[300:]).max()) <= 1.0  # no step leaves the path
    assert len(set(t[:300].tolist())) > 290


@pytest.mark.parametrize("batch", [4, 8, 13])
def test_small_batches_reach_every_step_size_in_time(batch):
    """Only 1, 2 or 3 rows take long steps: over some batches all five long sizes must have been asked for."""
    objective = Shortcut(ShortcutConfig())
    data = gaussian_data(batch)
    network, calls = recorded(lambda x, levels: torch.zeros_like(x))
    source, seen = seeded(), set()
    for _ in range(60):
        objective.loss(network, data, nothing_padded(data), source)
        index = sizes(calls[-1][1])
        seen |= set(index.tolist())
        assert int((index < 5).sum()) == max(1, round(0.25 * batch))
    assert seen == {0, 1, 2, 3, 4, 5}


def test_targets_carry_no_gradient():
    objective = Shortcut(ShortcutConfig(base_steps=8))
    data = gaussian_data(16)
    network, calls = recorded(lambda x, levels: 0.1 * x)
    objective.loss(network, data, nothing_padded(data), seeded())
    assert [enabled for _, _, enabled in calls] == [False, False, True]


def test_the_condition_of_sampling_is_the_one_of_training():
    objective = Shortcut(ShortcutConfig(base_steps=8))
    assert objective.extra_condition == 4
    for steps, index in ((1, 0), (2, 1), (4, 2), (8, 3)):
        assert objective.size_index(steps) == index
        told = objective.levels(torch.zeros(1), torch.tensor([index]))[:, 1:]
        assert torch.equal(objective.step_condition(steps), told)


@pytest.mark.parametrize("steps", [0, 3, 6, 16])
def test_other_numbers_of_steps_are_refused(steps):
    with pytest.raises(ConfigError, match=f"cannot take {steps} steps") as refused:
        Shortcut(ShortcutConfig(base_steps=8)).size_index(steps)
    assert "power of two up to --config.policy.shortcut.base-steps 8" in str(refused.value)


@pytest.mark.parametrize("wrong", [{"base_steps": 1}, {"base_steps": 24}, {"consistency_share": 1.0}])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"--config\.policy\.shortcut"):
        ShortcutConfig(**wrong)
