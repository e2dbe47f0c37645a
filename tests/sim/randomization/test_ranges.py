"""Impossible ranges are refused by name."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.randomization.model import ModelRandomization
from sim.randomization.ranges import RandomizationError, check_range, draw


@pytest.mark.parametrize(
    ("wrong", "says"),
    [((1.0, 0.0), "empty"), ((0.0, math.inf), "not finite"), ((math.nan, 1.0), "not finite"), ((-2.0, 1.0), "outside")],
)
def test_impossible_ranges(wrong: tuple[float, float], says: str) -> None:
    with pytest.raises(RandomizationError, match=rf"friction.*{says}"):
        check_range("friction", wrong, low=0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"friction": (-0.1, 1.0)},
        {"mass_scale": (0.0, 1.0)},
        {"strength_scale": (1.1, 0.9)},
        {"gravity": (-20.0, 0.0)},
        {"joint_friction": (-1.0, 0.0)},
        {"base_com": (0.0, math.nan)},
    ],
)
def test_a_configuration_names_its_impossible_range(wrong: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(RandomizationError, match=next(iter(wrong))):
        ModelRandomization(**wrong)


def test_draws_are_uniform_in_the_range() -> None:
    values = draw((2.0, 4.0), (2000, 2), np.random.default_rng(0))
    assert values.shape == (2000, 2)
    assert 2.0 <= values.min() < 2.02
    assert 3.98 < values.max() <= 4.0
    assert values.mean() == pytest.approx(3.0, abs=0.05)
    assert draw((0.5, 0.5), 3, np.random.default_rng(0)).tolist() == [0.5, 0.5, 0.5]
