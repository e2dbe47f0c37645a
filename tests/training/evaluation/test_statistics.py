from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.statistics import paired_difference, wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I,
    # method 3; the last is the quick trial of this project.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
     (48, 50, 0.8654, 0.9890)],
)  # fmt: skip
def test_published_values(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@settings(max_examples=50, deadline=None)
@given(trials=st.integers(1, 300), data=st.data(), confidence=st.floats(0.5, 0.999))
def test_bounds_are_the_roots_of_the_score_test(trials, data, confidence):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials, confidence)
    share, z = successes / trials, NormalDist().inv_cdf(0.5 + confidence / 2)
    assert 0.0 <= low <= share + 1e-12 and share - 1e-12 <= high <= 1.0
    for bound in (low, high):
        assert (share - bound) ** 2 == pytest.approx(z * z * bound * (1 - bound) / trials, abs=1e-9)
    mirrored = wilson_interval(trials - successes, trials, confidence)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("successes", "trials", "level"), [(0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_impossible_counts(successes, trials, level):
    with pytest.raises(ValueError, match="impossible"):
        wilson_interval(successes, trials, level)


def pairs(both, ours, theirs, neither):
    """Outcomes of two methods from the four counts of a paired table."""
    return [True] * (both + ours) + [False] * (theirs + neither), (
        [True] * both + [False] * ours + [True] * theirs + [False] * neither
    )


@pytest.mark.parametrize(
    ("counts", "difference", "low", "high"),
    # Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired data",
    # Statistics in Medicine 17 (1998), table II, method 10.
    [((36, 12, 2, 0), 0.2, 0.0569, 0.3404), ((20, 12, 2, 16), 0.2, 0.0562, 0.3292)],
)
def test_published_differences(counts, difference, low, high):
    assert paired_difference(*pairs(*counts)) == pytest.approx((difference, low, high), abs=5e-5)


def test_a_difference_swaps_its_sign_with_its_sides_and_is_nothing_of_equals():
    ours, theirs = pairs(20, 7, 3, 10)
    gap, low, high = paired_difference(ours, theirs)
    assert paired_difference(theirs, ours) == pytest.approx((-gap, -high, -low))
    gap, low, high = paired_difference([True] * 50, [True] * 50)
    one_sided = 1.0 - wilson_interval(50, 50)[0]
    assert (gap, low, high) == pytest.approx((0.0, -one_sided, one_sided))
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_difference([True], [])
