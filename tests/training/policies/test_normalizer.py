import pytest
import torch

from policy_nodes.errors import ContractError
from training.policies.normalizer import STD_FLOOR, Normalizer


def test_normalises_and_inverts():
    generator = torch.Generator().manual_seed(0)
    data = 5.0 + 0.01 * torch.randn(1000, 3, generator=generator)
    normalizer = Normalizer((3,))
    normalizer.fit(data.mean(0), data.std(0))
    scaled = normalizer(data)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(scaled.std(0), torch.ones(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(normalizer.inverse(scaled), data)


def test_a_constant_dimension_is_centred_not_blown_up():
    normalizer = Normalizer((2,))
    normalizer.fit(torch.tensor([3.0, 1.0]), torch.tensor([0.0, STD_FLOOR / 2]))
    assert normalizer(torch.tensor([3.0, 1.001])).tolist() == pytest.approx([0.0, 0.001], abs=1e-6)
    assert normalizer.inverse(torch.zeros(2)).tolist() == [3.0, 1.0]


def test_unfitted_gives_nan_and_is_refused_by_name():
    normalizer = Normalizer((2, 3))
    assert normalizer(torch.zeros(2, 3)).isnan().all()
    with pytest.raises(ContractError, match=r"feature 'observation\.state' has no statistics") as caught:
        normalizer.require_fitted("observation.state")
    assert "keel train" in caught.value.fix
    normalizer.fit(torch.zeros(2, 3), torch.ones(2, 3))
    normalizer.require_fitted("observation.state")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_statistics_that_are_not_finite_are_refused(bad):
    normalizer = Normalizer((2,))
    for mean, std in (([bad, 0.0], [1.0, 1.0]), ([0.0, 0.0], [1.0, bad])):
        with pytest.raises(ContractError, match="NaN or Inf"):
            normalizer.fit(torch.tensor(mean), torch.tensor(std))
    with pytest.raises(ContractError):
        normalizer.require_fitted("x")


def test_statistics_of_another_shape_are_refused():
    with pytest.raises(ContractError, match=r"shape \(3,\), the policy expects \(2,\)"):
        Normalizer((2,)).fit(torch.zeros(3), torch.ones(3))


def test_statistics_travel_with_the_weights():
    source, target = Normalizer((2,)), Normalizer((2,))
    source.fit(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    target.load_state_dict(source.state_dict())
    assert target(torch.tensor([4.0, 6.0])).tolist() == [1.0, 1.0]


def test_the_scale_of_what_does_not_vary_can_be_chosen():
    """A network that writes a constant with an error of one per cent is then wrong by one per cent of the floor."""
    normalizer = Normalizer((2,), constant_scale=1e-4)
    normalizer.fit(torch.tensor([0.5, 2.0]), torch.tensor([0.0, 3.0]))
    assert normalizer.inverse(torch.tensor([0.01, 0.01])).tolist() == pytest.approx([0.5 + 1e-6, 2.03])
