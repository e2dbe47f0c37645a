"""The digest's checks of IMC (section 9.7) with experts whose fit is exact."""

import pytest
import torch

from policy_nodes.errors import ConfigError
from tests.training.policies.imc.toy import SPREAD, LinearExperts, constant, cubic, on_mode, points
from training.policies.imc.alternation import alternate

COUNT = 2000


def run(experts, features=cubic, iterations=60, seed=0, scale=1.0, **options):
    context, actions, _ = points(COUNT)
    made = LinearExperts(features(context), actions, experts, scale=scale, seed=seed)
    return made, alternate(made, iterations, **options), context


@pytest.mark.parametrize("pacing", [0.5, 2.0])
@pytest.mark.parametrize("features", [cubic, constant])
def test_the_bound_never_falls(features, pacing):
    _, found, _ = run(8, features, pacing=pacing, normalisation="expert")
    steps = torch.tensor(found.trace.bound).diff()
    assert len(steps) == 59 and float(steps.min()) >= -1e-6
    assert found.trace.bound[-1] > found.trace.bound[0] + 0.5


def test_the_likelihood_of_the_baseline_never_falls():
    _, found, _ = run(8, method="em")
    assert float(torch.tensor(found.trace.bound).diff().min()) >= -1e-6
    torch.testing.assert_close(found.posterior.mean(0), found.prior, atol=1e-3, rtol=0.0)


def owners(experts, found, context):
    """Share of points whose owner is on a mode there, and the modes that are met."""
    distance, mode = on_mode(experts.means(experts.features) * experts.scale, context)
    chosen, owner = torch.arange(COUNT), found.posterior.argmax(dim=1)
    hit = distance[chosen, owner] < 3 * SPREAD
    return float(hit.double().mean()), set(mode[chosen, owner][hit].tolist())


@pytest.mark.parametrize("normalisation", ["expert", "point"])
@pytest.mark.parametrize("pacing", [0.5, 2.0])
def test_eight_experts_cover_the_four_modes_whatever_the_pace(pacing, normalisation):
    shares = []
    for seed in range(5):
        experts, found, context = run(8, seed=seed, pacing=pacing, normalisation=normalisation)
        share, modes = owners(experts, found, context)
        assert modes == {0, 1, 2, 3}
        assert len(found.trace.sample_size) == 60 and float(found.trace.sample_size[-1].min()) > 1.0
        shares.append(share)
    assert sum(shares) / 5 > 0.8


def test_the_baseline_needs_to_know_the_spread():
    """Expectation maximisation finds the modes with the data's own variance, and their middle with unit variance."""
    experts, found, context = run(8, method="em", scale=SPREAD)
    assert owners(experts, found, context) == (pytest.approx(1.0, abs=0.02), {0, 1, 2, 3})
    experts, found, context = run(8, method="em")
    assert owners(experts, found, context)[0] < 0.05


def test_a_slower_pace_lets_an_expert_take_more_of_the_data():
    """What one constant can represent: the share of points with more than half of the largest weight."""
    shares = [share(pacing) for pacing in (0.01, 0.03, 0.1, 0.5, 5.0)]
    assert shares == sorted(shares) and shares[0] < 0.1 and shares[-1] > 0.9


def share(pacing):
    _, found, _ = run(1, constant, iterations=20, pacing=pacing, normalisation="expert")
    weights = found.weights[:, 0]
    return float((weights > 0.5 * weights.max()).double().mean())


def test_a_single_expert_with_a_curriculum_sits_on_a_mode_where_regression_averages():
    locked = 0
    for seed in range(10):
        experts, _, context = run(1, pacing=0.1, iterations=80, seed=seed, normalisation="expert")
        distance, _ = on_mode(experts.means(experts.features) * experts.scale, context)
        locked += float(distance.median()) < 0.15
    averaging, _, context = run(1, method="em", iterations=2)
    distance, _ = on_mode(averaging.means(averaging.features) * averaging.scale, context)
    assert float(distance.mean()) == pytest.approx(1.0, abs=0.25)  # the middle of the circle
    assert locked > 5


def test_a_likelihood_that_is_no_number_is_named():
    context, actions, _ = points(COUNT)
    experts = LinearExperts(cubic(context), actions, 2)
    experts.coefficients[0, 0, 0] = float("nan")
    with pytest.raises(ConfigError, match="iteration 1: an expert's likelihood is not a number"):
        alternate(experts, 3)
