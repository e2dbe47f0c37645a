import math

import pytest
import torch

from policy_nodes.errors import BundleError
from training.convert.lerobot.schedule import betas, schedule

CONFIG = {
    "num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2", "beta_start": 1e-4, "beta_end": 0.02,
    "prediction_type": "epsilon", "clip_sample": True, "clip_sample_range": 1.0,
}  # fmt: skip


def test_cosine_schedule_follows_its_formula_and_is_capped():
    values = betas("squaredcos_cap_v2", 100, 0.0, 0.0)
    level = [math.cos((t / 100 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(101)]
    assert values[10].item() == pytest.approx(1 - level[11] / level[10], rel=1e-5)
    assert values[-1].item() == pytest.approx(0.999)


def test_linear_schedules():
    torch.testing.assert_close(betas("linear", 3, 0.1, 0.3), torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(betas("scaled_linear", 3, 0.01, 0.09), torch.tensor([0.01, 0.04, 0.09]))


def test_times_are_spaced_leading():
    assert [step.timestep for step in schedule(CONFIG, "DDIM", 4).steps] == [75, 50, 25, 0]
    assert [step.timestep for step in schedule(CONFIG, "DDPM", 3).steps] == [66, 33, 0]


@pytest.mark.parametrize("sampler", ["DDPM", "DDIM"])
@pytest.mark.parametrize("count", [1, 7, 100])
def test_a_perfect_network_recovers_the_data(sampler, count):
    """With the true eps every step must land on the forward process's mean, and the last one on the data."""
    plan = schedule({**CONFIG, "clip_sample": False}, sampler, count)
    data, epsilon = 0.4, -1.3
    for index, step in enumerate(plan.steps):
        sample = step.signal * data + step.noise * epsilon
        result = step.data_gain * data + step.sample_gain * sample + step.output_gain * epsilon
        if index + 1 < count:
            following = plan.steps[index + 1]
            if sampler == "DDIM":
                assert result == pytest.approx(following.signal * data + following.noise * epsilon, abs=1e-5)
            else:  # the posterior's variance makes up for the noise that its mean removes
                kept = step.sample_gain * step.noise
                assert kept**2 + step.sigma**2 == pytest.approx(following.noise**2, abs=1e-4)
        else:
            assert result == pytest.approx(data, abs=1e-5) and step.sigma == 0


def test_noise_is_drawn_once_per_stochastic_step():
    assert schedule(CONFIG, "DDPM", 10).draws == 10 and schedule(CONFIG, "DDIM", 10).draws == 1


@pytest.mark.parametrize(
    ("change", "sampler", "count", "said"),
    [
        ({}, "DDIM", 101, "101 sampling steps of 100"),
        ({}, "UniPC", 4, "sampler is 'UniPC'"),
        ({"prediction_type": "v_prediction"}, "DDIM", 4, "predicts 'v_prediction'"),
        ({"beta_schedule": "sigmoid"}, "DDIM", 4, "noise schedule is 'sigmoid'"),
    ],
)
def test_refused(change, sampler, count, said):
    with pytest.raises(BundleError, match=said):
        schedule({**CONFIG, **change}, sampler, count)
