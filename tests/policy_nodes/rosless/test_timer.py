import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.rosless.timer import next_expiry

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("due", "period", "now", "expected"),
    [
        (100, 10, 100, 110),  # in time
        (100, 10, 109, 110),  # late, but before the next
        (100, 10, 110, 110),  # exactly at the next: it is due at once
        (100, 10, 111, 120),  # one missed
        (100, 10, 135, 140),  # several missed
        (100, 0, 105, 105),  # period zero: always due
    ],
)
def test_next_expiry_by_hand(due, period, now, expected):
    assert next_expiry(due, period, now) == expected


@settings(max_examples=100)
@given(st.integers(0, 10**12), st.integers(1, 10**10), st.integers(0, 10**12))
def test_phase_is_kept_and_the_next_expiry_is_not_past(due, period, late):
    now = due + late
    following = next_expiry(due, period, now)
    assert (following - due) % period == 0
    assert following > due and now <= following < now + period + (period if late < period else 0)
