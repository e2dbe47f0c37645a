import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import ConfigError
from policy_nodes.monitors.window import TrailingSum, trailing_sum


def test_digest_vector():
    scores = [0.5 + 0.1 * t + 0.05 * ((2 * t) % 7) for t in range(6)]
    np.testing.assert_allclose(trailing_sum(scores, 3), [0.5, 1.2, 2.1, 2.7, 2.95, 3.2])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.integers(1, 35))
def test_online_equals_vectorised(scores, window):
    online = TrailingSum(window)
    for _ in range(2):  # the second episode must not see the first
        np.testing.assert_allclose([online.step(s) for s in scores], trailing_sum(scores, window), rtol=1e-12)
        online.reset()


def test_infinity_leaves_with_its_window():
    scores = [1.0, np.inf, 1.0, 1.0, 1.0]
    assert trailing_sum(scores, 2).tolist() == [1.0, np.inf, np.inf, 2.0, 2.0]
    online = TrailingSum(2)
    assert [online.step(s) for s in scores] == [1.0, np.inf, np.inf, 2.0, 2.0]


def test_empty_window_is_refused():
    with pytest.raises(ConfigError):
        trailing_sum([1.0], 0)
    with pytest.raises(ConfigError):
        TrailingSum(0)
