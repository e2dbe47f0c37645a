import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.inference.history import History


def filled(stamps, span=100, **kwargs) -> History:
    history = History(span, **kwargs)
    for stamp in stamps:
        history.insert(stamp, np.array([float(stamp)]))
    return history


def at(history, target, later=0) -> int:
    stamp, value = history.at(target, later)
    assert value[0] == stamp
    return stamp


def test_latest_at_or_before():
    history = filled([10, 20, 30])
    assert [at(history, target) for target in (10, 19, 20, 29, 99)] == [10, 10, 20, 20, 30]


def test_before_the_first_the_oldest_is_repeated():
    assert at(filled([10, 20]), 3) == 10


def test_a_slightly_later_sample_is_taken_only_when_it_is_nearer():
    history = filled([0, 21])
    assert at(history, 20, later=5) == 21
    assert at(history, 10, later=5) == 0
    assert at(history, 20, later=0) == 0
    assert at(filled([19, 21]), 20, later=5) == 19


def test_late_samples_are_sorted_in_and_known_stamps_overwritten():
    history = filled([10, 30, 20])
    assert at(history, 25) == 20
    assert history.insert(20, np.array([7.0]))
    assert history.at(20)[1] == 7.0
    assert len(history) == 3


def test_samples_too_old_to_be_asked_for_are_dropped():
    history = filled([1000])
    assert not history.insert(899, np.zeros(1))
    assert history.insert(900, np.zeros(1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=80), st.integers(0, 100))
def test_pruning_never_changes_an_answer_within_the_span(stamps, back):
    stamps = sorted(stamps)
    history = filled(stamps)
    target = stamps[-1] - back
    earlier = [stamp for stamp in stamps if stamp <= target]
    assert at(history, target) == (max(earlier) if earlier else min(stamps))


def test_number_of_samples_is_bounded():
    assert len(filled(range(1000), span=10**9, max_samples=16)) == 16
    assert len(filled(range(100_000), span=50)) == 51


def test_clear():
    history = filled([1, 2])
    history.clear()
    assert not history
