import numpy as np
import pytest

from policy_nodes.types import ActionChunk

STEP = 20_000_000


def chunk() -> ActionChunk:
    return ActionChunk(1_000, STEP, np.array([[0.0, 1.0], [2.0, 3.0], [6.0, 5.0]]))


def test_samples_are_at_multiples_of_the_step():
    for index, row in enumerate([[0.0, 1.0], [2.0, 3.0], [6.0, 5.0]]):
        np.testing.assert_array_equal(chunk().at(1_000 + index * STEP), row)


@pytest.mark.parametrize(("fraction", "expected"), [(0.25, [0.5, 1.5]), (0.5, [1.0, 2.0]), (1.75, [5.0, 4.5])])
def test_between_samples_it_is_linear(fraction, expected):
    np.testing.assert_allclose(chunk().at(1_000 + round(fraction * STEP)), expected)


def test_last_sample_is_held_for_one_step_and_then_nothing():
    assert chunk().end_ns == 1_000 + 3 * STEP
    np.testing.assert_array_equal(chunk().at(chunk().end_ns - 1), [6.0, 5.0])
    assert chunk().at(chunk().end_ns) is None


def test_before_its_stamp_it_says_nothing():
    assert chunk().at(999) is None


def test_nanosecond_stamps_of_today_keep_their_precision():
    now = 1_800_000_000_000_000_000
    late = ActionChunk(now, STEP, np.array([[0.0], [1.0]]))
    assert late.at(now + STEP // 2)[0] == pytest.approx(0.5, abs=1e-12)
