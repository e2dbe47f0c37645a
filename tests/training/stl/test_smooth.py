import math

import pytest
import torch

from training.stl.smooth import maximum, pair_maximum, pair_minimum, running_maximum, straight_through_step

VALUES = torch.tensor([0.3, -0.1, 0.25, 0.6], dtype=torch.float64)


@pytest.mark.parametrize(("tau", "largest", "smallest"), [(5.0, 0.67113, -0.15843), (100.0, 0.6, -0.1)])
def test_vectors_of_the_published_library(tau, largest, smallest):
    assert maximum(VALUES, 0, tau).item() == pytest.approx(largest, abs=5e-6)
    assert -maximum(-VALUES, 0, tau).item() == pytest.approx(smallest, abs=5e-6)


def test_exact_without_temperature():
    assert maximum(VALUES, 0, None).item() == 0.6
    assert pair_maximum(VALUES, -VALUES, None).tolist() == [0.3, 0.1, 0.25, 0.6]
    assert pair_minimum(VALUES, -VALUES, None).tolist() == [-0.3, -0.1, -0.25, -0.6]


@pytest.mark.parametrize("tau", [1.0, 10.0, 500.0])
def test_smooth_maximum_is_above_by_at_most_log_n_over_tau(tau):
    x = torch.randn(200, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    over = maximum(x, 1, tau) - x.amax(1)
    assert (over >= -1e-12).all() and (over <= math.log(7) / tau + 1e-12).all()


@pytest.mark.parametrize("tau", [None, 20.0])
def test_running_maximum_looks_ahead(tau):
    x = torch.tensor([[1.0, 5.0, 2.0, 3.0]], dtype=torch.float64)
    expected = torch.tensor([[5.0, 5.0, 3.0, 3.0]], dtype=torch.float64)
    torch.testing.assert_close(running_maximum(x, tau), expected, atol=1e-6, rtol=0)


def test_missing_entries_do_not_count_and_do_not_poison_gradients():
    x = torch.tensor([[1.0, -torch.inf], [-torch.inf, -torch.inf]], requires_grad=True)
    result = maximum(x, 1, 10.0)
    assert result[0].item() == pytest.approx(1.0) and result[1].item() == -torch.inf
    result[0].backward()
    assert torch.isfinite(x.grad).all() and x.grad[0, 0] == 1.0


def test_step_is_hard_forward_and_soft_backward():
    x = torch.tensor([-0.001, 0.0, 0.001], requires_grad=True)
    step = straight_through_step(x)
    assert step.tolist() == [0.0, 0.0, 1.0]
    step.sum().backward()
    slope = [250.0 / math.cosh(500 * value) ** 2 for value in (-0.001, 0.0, 0.001)]
    torch.testing.assert_close(x.grad, torch.tensor(slope), rtol=1e-5, atol=0)
