import math

import pytest
import torch

from training.policies.imc.curriculum import (
    effective_sample_size,
    first_posterior,
    responsibilities,
    update,
)


def some(points=7, experts=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    known = -5.0 * torch.rand(points, experts, generator=generator, dtype=torch.float64)
    posterior = torch.log_softmax(torch.randn(points, experts, generator=generator, dtype=torch.float64), dim=1)
    return known, posterior


def objective(joint, known, log_posterior, pacing):
    """E_p [log pi + eta log q] + eta H(p) of a joint p(D, z)."""
    return float((joint * (known + pacing * log_posterior - pacing * joint.clamp(min=1e-300).log())).sum())


def test_the_curricula_are_those_that_maximise_the_bound():
    known, log_posterior = some()
    found = update(known, log_posterior, 0.7)
    best = torch.softmax(found.log_weights.flatten(), dim=0).view_as(known)
    assert objective(best, known, log_posterior, 0.7) == pytest.approx(found.bound, abs=1e-12)
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        other = best * (0.5 * torch.randn(best.shape, generator=generator, dtype=torch.float64)).exp()
        assert objective(other / other.sum(), known, log_posterior, 0.7) < found.bound


def test_by_hand():
    known = torch.log(torch.tensor([[0.5, 0.25], [0.125, 0.5]], dtype=torch.float64))
    found = update(known, first_posterior(2, 2), 1.0)
    torch.testing.assert_close(found.log_weights.exp(), known.exp() / 2)
    torch.testing.assert_close(found.posterior(), torch.tensor([[2 / 3, 1 / 3], [0.2, 0.8]], dtype=torch.float64))
    torch.testing.assert_close(found.log_prior.exp(), torch.tensor([5 / 11, 6 / 11], dtype=torch.float64))
    assert found.bound == pytest.approx(math.log(0.6875))


def test_the_papers_weights_give_every_expert_as_much_and_the_codes_every_point():
    found = update(*some(points=50), 0.3)
    torch.testing.assert_close(found.weights("expert").sum(0), torch.full((3,), 50 / 3, dtype=torch.float64))
    torch.testing.assert_close(found.weights("point").amax(1), torch.ones(50, dtype=torch.float64))
    ratio = found.weights("expert")[:, 0] / found.log_weights[:, 0].exp()
    torch.testing.assert_close(ratio, ratio[:1].expand(50))


@pytest.mark.parametrize("normalisation", ["expert", "point"])
def test_hopeless_likelihoods_leave_finite_weights(normalisation):
    found = update(torch.tensor([[-1e6, -2e6], [-3e6, -1e6]]), first_posterior(2, 2), 1e-2)
    assert torch.isfinite(found.weights(normalisation)).all() and torch.isfinite(found.posterior()).all()


def test_responsibilities_are_bayes_rule():
    known, _ = some()
    prior = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    owned, following, value = responsibilities(known, prior.log())
    joint = known.exp() * prior
    torch.testing.assert_close(owned, joint / joint.sum(1, keepdim=True))
    torch.testing.assert_close(following.exp(), owned.mean(0))
    assert value == pytest.approx(float(joint.sum(1).log().mean()))


def test_effective_sample_size():
    weights = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 3.0, 0.0]])
    assert effective_sample_size(weights).tolist() == pytest.approx([4.0, 1.6, 0.0])
