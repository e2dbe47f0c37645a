import pytest
import torch

from training.objectives.masking import masked_mean

VALUES = torch.tensor([[[1.0, 3.0], [5.0, 7.0]], [[2.0, 4.0], [6.0, 8.0]]])  # (B 2, H 2, A 2)
SECOND_OF_FIRST = torch.tensor([[False, True], [False, False]])


def test_the_mean_of_what_is_kept_by_hand():
    assert float(masked_mean(VALUES, SECOND_OF_FIRST)) == pytest.approx((1 + 3 + 2 + 4 + 6 + 8) / 6)


def test_the_weight_of_a_sample_is_not_normalised():
    """Sums 4 and 20 with the weights 10 and 0.5 over six elements: the count stays that of the elements."""
    weight = torch.tensor([10.0, 0.5])
    assert float(masked_mean(VALUES, SECOND_OF_FIRST, weight)) == pytest.approx((10 * 4 + 0.5 * 20) / 6)


def test_nothing_kept_is_zero_with_a_zero_gradient():
    values = VALUES.clone().requires_grad_()
    loss = masked_mean(values.square(), torch.ones(2, 2, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0.0 and torch.equal(values.grad, torch.zeros_like(VALUES))


def test_padding_of_one_sample_does_not_raise_the_weight_of_its_other_steps():
    """Every kept element has the same gradient, 1 / (kept elements), however much of its sample is padding."""
    values = VALUES.clone().requires_grad_()
    masked_mean(values, SECOND_OF_FIRST).backward()
    expected = torch.full_like(VALUES, 1 / 6)
    expected[0, 1] = 0.0
    torch.testing.assert_close(values.grad, expected)
