import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_nodes.inference.scheduling.anytime import StepCosts, choose_steps

costs = st.dictionaries(st.integers(1, 100), st.floats(1e-4, 1.0), min_size=1, max_size=6)


@given(costs, st.floats(0, 2))
def test_what_is_chosen_fits_or_is_the_least(table, budget):
    chosen = choose_steps(table, budget)
    assert chosen in table
    if table[chosen] * 1.25 > budget:
        assert chosen == min(table)
    assert not any(n > chosen and cost * 1.25 <= budget for n, cost in table.items())


@given(costs, st.floats(0, 1), st.floats(0, 1))
def test_more_time_never_means_fewer_steps_of_an_honest_table(table, first, more):
    ordered = dict(zip(sorted(table), sorted(table.values()), strict=True))
    assert choose_steps(ordered, first + more) >= choose_steps(ordered, first)


def test_the_slowest_recent_measurement_counts():
    measured = StepCosts([1, 2, 4], window=2)
    assert measured.known() == {1: 0.0, 2: 0.0, 4: 0.0}
    for seconds in (0.9, 0.010, 0.012):
        measured.add(4, seconds)
    assert measured.known()[4] == 0.012


def test_what_was_never_measured_follows_the_line():
    measured = StepCosts([1, 2, 4, 8])
    measured.add(2, 0.004)
    assert measured.known()[8] == pytest.approx(0.016)
    assert measured.known()[1] == pytest.approx(0.004)  # a fixed cost may be behind it
    measured.add(4, 0.006)
    assert measured.known()[8] == pytest.approx(0.010)
    assert measured.known()[1] == pytest.approx(0.003)


def test_falling_costs_do_not_extrapolate_to_nothing():
    measured = StepCosts([1, 2, 50])
    measured.add(1, 0.010)
    measured.add(2, 0.009)
    assert measured.known()[50] >= 0.009


@pytest.mark.parametrize(("table", "margin"), [({}, 1.25), ({1: 0.1}, 0.9)])
def test_nonsense_is_refused(table, margin):
    with pytest.raises(ValueError, match="needs the cost"):
        choose_steps(table, 1.0, margin)
