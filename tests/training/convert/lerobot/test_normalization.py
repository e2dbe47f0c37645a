import pytest
import torch

from training.convert.lerobot.normalization import affine

STATISTICS = {
    "mean": torch.tensor([1.0, -2.0]), "std": torch.tensor([2.0, 0.5]), "min": torch.tensor([-1.0, 0.0]),
    "max": torch.tensor([3.0, 0.0]), "q01": torch.tensor([-0.5, -1.0]), "q99": torch.tensor([1.5, 1.0]),
    "q10": torch.tensor([0.0, -0.5]), "q90": torch.tensor([1.0, 0.5]),
}  # fmt: skip
X = torch.tensor([[2.0, -1.0]])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("IDENTITY", [2.0, -1.0]),
        ("MEAN_STD", [0.5, 2.0]),
        ("QUANTILES", [1.5, -1.0]),
        ("QUANTILE10", [3.0, -2.0]),
    ],
)
def test_values_by_hand_and_back(mode, expected):
    map_ = affine(mode, STATISTICS, 1e-8)
    torch.testing.assert_close(map_(X), torch.tensor([expected]))
    torch.testing.assert_close(map_.inverse(map_(X)), X)


def test_a_range_of_zero_width_maps_its_value_to_minus_one():
    map_ = affine("MIN_MAX", STATISTICS, 1e-8)
    torch.testing.assert_close(map_(torch.tensor([3.0, 0.0])), torch.tensor([1.0, -1.0]))
    torch.testing.assert_close(map_.inverse(torch.tensor([0.0, -1.0])), torch.tensor([1.0, 0.0]))


def test_standard_deviation_zero_does_not_divide_by_zero():
    map_ = affine("MEAN_STD", {"mean": torch.zeros(1), "std": torch.zeros(1)}, 1e-8)
    assert torch.isfinite(map_(torch.ones(1))).all() and map_.inverse(torch.ones(1)).item() == 0.0


def test_unknown_mode_and_missing_statistic_are_key_errors():
    with pytest.raises(KeyError, match="MAGIC"):
        affine("MAGIC", STATISTICS, 1e-8)
    with pytest.raises(KeyError, match="q99"):
        affine("QUANTILES", {"q01": torch.zeros(1)}, 1e-8)
