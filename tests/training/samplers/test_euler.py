import pytest
import torch

from training.samplers.euler import euler_flow


def gaussian_field(mean, std):
    """Exact field of N(mean, std^2) data: E[a | x_t] in closed form, v = (E - x) / (1 - t); digest 18.10 (c)."""

    def velocity(x, t):
        t = t.view(-1, 1, 1)
        gain = t * std**2 / (t**2 * std**2 + (1 - t) ** 2)
        return (mean + gain * (x - t * mean) - x) / (1 - t)

    return velocity


@pytest.mark.parametrize(("steps", "ratio"), [(1, 0.00), (2, 0.28), (5, 0.67), (10, 0.82), (20, 0.90), (100, 0.98)])
def test_euler_shrinks_a_gaussian_as_known(steps, ratio):
    """Digest 18.5: N(0.4, 0.3^2), sample std / true std. The map is affine, so two points give it exactly."""
    ends = torch.tensor([-1.0, 1.0], dtype=torch.float64).view(2, 1, 1)
    low, high = euler_flow(gaussian_field(0.4, 0.3), ends, steps).flatten().tolist()
    assert (high - low) / 2 / 0.3 == pytest.approx(ratio, abs=0.01)
    assert (high + low) / 2 == pytest.approx(0.4, abs=1e-12)  # the mean is exact for any number of steps


def test_one_step_of_the_exact_field_is_the_mean():
    noise = torch.randn(32, 1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(euler_flow(gaussian_field(0.4, 0.3), noise, 1), torch.full_like(noise, 0.4))


def test_network_is_called_once_per_step_at_the_left_end():
    times = []

    def velocity(x, t):
        assert t.shape == (3,)
        times.append(float(t[0]))
        return torch.zeros_like(x)

    noise = torch.randn(3, 2, 2)
    assert torch.equal(euler_flow(velocity, noise, 4), noise)
    assert times == [0.0, 0.25, 0.5, 0.75]


def test_zero_steps_are_refused():
    with pytest.raises(ValueError, match="at least one step"):
        euler_flow(lambda x, t: x, torch.zeros(1, 1, 1), 0)
