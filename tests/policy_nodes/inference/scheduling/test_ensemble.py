import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_nodes.inference.scheduling.ensemble import alive, ensemble
from policy_nodes.types import ActionChunk
from tests.policy_nodes.inference.scheduling.chunks import STEP_NS, action_chunks, ramp


def constant(value, stamp_steps, samples=4):
    return ActionChunk(stamp_steps * STEP_NS, STEP_NS, np.full((samples, 2), float(value)))


def test_the_weights_are_those_of_act():
    """Three chunks, one step apart: at the newest's first instant all three speak, oldest heaviest."""
    joined = ensemble([constant(1, 0), constant(2, 1), constant(4, 2)], decay=0.5)
    w = np.exp(-0.5 * np.arange(3))
    assert joined.values[0, 0] == pytest.approx((w[0] * 1 + w[1] * 2 + w[2] * 4) / w.sum())
    # Two steps on, the first chunk has no sample any more: i counts from the oldest that speaks.
    assert joined.values[2, 0] == pytest.approx((w[0] * 2 + w[1] * 4) / (w[0] + w[1]))
    assert joined.values[3, 0] == 4.0


def test_the_running_form_of_act_gives_the_same():
    """ACT's online form keeps a weighted mean and its weight, per instant."""
    rng, decay, horizon = np.random.default_rng(0), 0.01, 6
    chunks = [ActionChunk(k * STEP_NS, STEP_NS, rng.standard_normal((horizon, 2))) for k in range(5)]
    mean, weight, count = {}, {}, {}
    for k, chunk in enumerate(chunks):
        for j in range(horizon):
            t = k + j
            w = np.exp(-decay * count.get(t, 0))
            mean[t] = (mean.get(t, 0.0) * weight.get(t, 0.0) + w * chunk.values[j]) / (weight.get(t, 0.0) + w)
            weight[t], count[t] = weight.get(t, 0.0) + w, count.get(t, 0) + 1
    joined = ensemble(chunks, decay)
    np.testing.assert_allclose(joined.values, [mean[4 + j] for j in range(horizon)])


@given(st.lists(action_chunks(), min_size=1, max_size=4), st.floats(0, 2))
def test_the_mean_lies_between_what_the_chunks_say(chunks, decay):
    joined = ensemble(chunks, decay)
    stacked = np.concatenate([chunk.values for chunk in chunks])
    assert joined.values.shape == chunks[-1].values.shape
    assert (joined.stamp_ns, joined.sequence) == (chunks[-1].stamp_ns, chunks[-1].sequence)
    assert np.all(joined.values >= stacked.min(0) - 1e-9) and np.all(joined.values <= stacked.max(0) + 1e-9)


@given(action_chunks())
def test_a_single_chunk_stays_as_it_is(chunk):
    np.testing.assert_allclose(ensemble([chunk], 0.01).values, chunk.values)


def test_two_ways_around_are_averaged_into_the_obstacle():
    """The weakness that the documentation warns of."""
    assert ensemble([constant(-1, 0), constant(1, 0)], 0.0).values[0, 0] == 0.0


def test_outdated_chunks_are_dropped():
    old, new = ramp(0), ramp(6 * STEP_NS)
    assert alive([old, new], 7 * STEP_NS) == [old, new]
    assert alive([old, new], 7 * STEP_NS + 1) == [new]


@pytest.mark.parametrize(("chunks", "decay"), [([], 0.0), ([ramp()], -1.0)])
def test_nonsense_is_refused(chunks, decay):
    with pytest.raises(ValueError, match="at least one chunk"):
        ensemble(chunks, decay)
