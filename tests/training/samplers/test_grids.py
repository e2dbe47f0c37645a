import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.samplers.grids import exponential, karras, linear, noise_levels

RANGES = st.tuples(st.floats(1e-4, 1.0), st.floats(1.5, 200.0))


def test_karras_by_hand():
    """rho 2 between 9 and 1: roots evenly from 3 to 1, so 9, 6.25, 4, 2.25, 1."""
    assert karras(5, 1.0, 9.0, rho=2.0) == pytest.approx([9.0, 6.25, 4.0, 2.25, 1.0])


def test_karras_of_the_paper_for_eighteen_steps():
    """Karras et al. table 1 (0.002 to 80, rho 7): the grid of EDM's CIFAR-10 sampler begins 80, 57.6, 40.8."""
    levels = karras(18, 0.002, 80.0)
    assert levels[:4] == pytest.approx([80.0, 57.586, 40.786, 28.375], rel=1e-3)
    assert levels[-1] == pytest.approx(0.002)


@settings(max_examples=25, deadline=None)
@given(ends=RANGES, steps=st.integers(2, 40), rho=st.floats(1.0, 10.0))
def test_each_grid_is_even_in_its_own_measure(ends, steps, rho):
    low, high = ends
    measures = (
        (karras(steps, low, high, rho), lambda s: s ** (1 / rho)),
        (exponential(steps, low, high), math.log),
        (linear(steps, low, high), lambda s: s),
    )
    for levels, measure in measures:
        gaps = [measure(b) - measure(a) for a, b in itertools.pairwise(levels)]
        assert gaps == pytest.approx([(measure(low) - measure(high)) / (steps - 1)] * (steps - 1), rel=1e-5, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(ends=RANGES, steps=st.integers(1, 40), grid=st.sampled_from(["karras", "exponential", "linear"]))
def test_levels_never_leave_the_range_and_zero_comes_last(ends, steps, grid):
    low, high = ends
    levels = noise_levels(grid, steps, low, high)
    assert len(levels) == steps + 1 and levels[-1] == 0.0
    assert all(low <= level <= high for level in levels[:-1])
    assert all(a > b for a, b in itertools.pairwise(levels))
    assert levels[0] == pytest.approx(high)


def test_karras_spends_its_levels_at_the_low_end():
    """More than half of a karras grid lies below a tenth of the range that a linear grid covers evenly."""
    levels = karras(20, 0.001, 80.0)
    assert sum(level < 8.0 for level in levels) > 10
    assert sum(level < 8.0 for level in linear(20, 0.001, 80.0)) == 2


@pytest.mark.parametrize(("grid", "steps"), [("karras", 0), ("cosine", 4), ("linear", -1)])
def test_unknown_grids_and_no_steps_are_refused(grid, steps):
    with pytest.raises(ValueError, match=f"'{grid}' with {steps}"):
        noise_levels(grid, steps, 0.1, 1.0)
