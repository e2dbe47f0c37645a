"""The remaining calls are learned from successes, and the score tells who is stuck."""

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.duration import DurationScore
from tests.policy_nodes.monitors.calls import make_call
from training.monitors.duration import fit_remaining


def embeddings(progress, rng):
    """(T, 6): the progress, twice, nonlinearly, and what has nothing to do with it."""
    p = np.asarray(progress)
    noise = rng.normal(size=(len(p), 3))
    return np.column_stack([p, np.sin(3 * p), np.square(p), 5.0 * noise])


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    lengths = rng.integers(20, 31, size=30)
    rollouts = [embeddings(np.linspace(0, 1, n), rng) for n in lengths]
    return fit_remaining(np.concatenate(rollouts), lengths.tolist())


def durations(fitted, progress, seed=1):
    score = DurationScore(fitted, 6, 8)
    rows = embeddings(progress, np.random.default_rng(seed))
    return np.array([score.step(make_call(row)) for row in rows])


def test_the_remaining_calls_are_learned(fitted):
    score = DurationScore(fitted, 6, 8)
    found = [score.remaining(row) for row in embeddings([0.0, 0.5, 1.0], np.random.default_rng(2))]
    assert found == pytest.approx([24.0, 12.0, 0.0], abs=3.0)


def test_a_stuck_rollout_is_expected_to_last_longer_than_any_success(fitted):
    good = max(durations(fitted, np.linspace(0, 1, 25), seed).max() for seed in range(2, 22))
    stuck = durations(fitted, np.minimum(np.linspace(0, 1, 25), 0.4))
    assert stuck[:10].max() < good < stuck[-1]
    # Long before it has lasted as long as the longest success.
    assert np.flatnonzero(stuck > good)[0] <= 22


def test_it_is_the_same_every_time_and_leaves_the_global_generator_alone():
    import torch

    rng = np.random.default_rng(0)
    data = embeddings(np.tile(np.linspace(0, 1, 10), 2), rng)
    state = torch.random.get_rng_state()
    first, again = fit_remaining(data, [10, 10]), fit_remaining(data, [10, 10])
    assert first == again
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("lengths", [[5, 4], [10, 0], []])
def test_lengths_that_do_not_add_up_are_refused(lengths):
    with pytest.raises(CalibrationError, match="10 embeddings of rollouts of"):
        fit_remaining(np.random.default_rng(0).normal(size=(10, 3)), lengths)
