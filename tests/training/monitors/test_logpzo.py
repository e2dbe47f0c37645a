import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.logpzo import LogpzoScore
from tests.policy_nodes.monitors.calls import make_call
from training.monitors.logpzo import FlowTraining, fit_logpzo


def auroc(low, high):
    return np.mean(np.asarray(high)[:, None] > np.asarray(low))


def test_points_off_two_gaussians_are_ranked_above_points_on_them():
    rng = np.random.default_rng(0)
    centres = np.array([[-2.0, 0.0], [2.0, 0.0]])

    def draw(count):
        return centres[rng.integers(0, 2, count)] + 0.2 * rng.normal(size=(count, 2))

    losses = []
    fitted = fit_logpzo(draw(600), FlowTraining(hidden=(64, 64)), progress=lambda *values: losses.append(values[2]))
    score = LogpzoScore(fitted, 2)
    familiar = [score.step(make_call(p)) for p in draw(200)]
    angles = rng.uniform(0, 2 * np.pi, 200)
    strange = [score.step(make_call(p)) for p in 5.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)]
    assert len(losses) == 200 and losses[-1] < losses[0]
    assert auroc(familiar, strange) > 0.95
    # At t = 0 noise and data are independent: the best estimate of a familiar point's noise is its mean, zero.
    assert np.mean(familiar) < 0.2


def test_same_seed_same_flow_and_constant_dimensions_are_finite():
    data = np.random.default_rng(1).normal(size=(50, 3)) * [1.0, 0.0, 2.0]
    quick = FlowTraining(hidden=(8,), epochs=2)
    first, second = fit_logpzo(data, quick), fit_logpzo(data, quick)
    assert first == second and first != fit_logpzo(data, FlowTraining(hidden=(8,), epochs=2, seed=1))
    assert np.isfinite(LogpzoScore(first, 3).step(make_call([0.0, 5.0, 0.0])))
    with pytest.raises(CalibrationError, match="NaN"):
        fit_logpzo(data * np.nan)
