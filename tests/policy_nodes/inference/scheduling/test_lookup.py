import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.inference.scheduling.lookup import lookup, remaining_s, resample
from policy_nodes.types import ActionChunk
from tests.policy_nodes.inference.scheduling.chunks import STEP_NS, action_chunks, ramp

times = st.integers(-500_000_000, 2_500_000_000)
holds = st.integers(0, 200_000_000)


@given(action_chunks(), times, holds, holds)
def test_nothing_is_used_outside_its_validity(chunk, now, hold, lead):
    found = lookup(chunk, now, hold_ns=hold, lead_ns=lead)
    assert (found is not None) == (chunk.stamp_ns - lead <= now < chunk.end_ns + hold)
    if found is not None:
        assert found.held == (now >= chunk.end_ns)
        if now >= chunk.end_ns - chunk.step_ns:
            np.testing.assert_allclose(found.value, chunk.values[-1], atol=1e-12)
        if now <= chunk.stamp_ns:
            np.testing.assert_allclose(found.value, chunk.values[0], atol=1e-12)


@given(action_chunks(), times, st.integers(0, 50_000_000))
def test_two_instants_differ_by_no_more_than_the_steepest_step_allows(chunk, now, later):
    first, second = lookup(chunk, now, hold_ns=10**9), lookup(chunk, now + later, hold_ns=10**9)
    if first is None or second is None:
        return
    steepest = np.abs(np.diff(chunk.values, axis=0)).max(initial=0.0)
    assert np.abs(second.value - first.value).max() <= steepest * later / chunk.step_ns + 1e-9


@given(action_chunks(), times)
def test_a_value_lies_between_its_two_neighbours(chunk, now):
    found = lookup(chunk, now)
    if found is None:
        return
    index = min((now - chunk.stamp_ns) // chunk.step_ns, chunk.values.shape[0] - 1)
    around = chunk.values[index : index + 2]
    assert np.all(found.value >= around.min(0) - 1e-9) and np.all(found.value <= around.max(0) + 1e-9)


def test_a_delay_skips_what_it_used_up():
    assert lookup(ramp(), 3 * STEP_NS).value.tolist() == [3.0, 3.0]
    assert lookup(ramp(), 3 * STEP_NS + STEP_NS // 4).value.tolist() == [3.25, 3.25]


@settings(max_examples=60)
@given(action_chunks(), times, st.sampled_from([7_000_000, STEP_NS]), st.integers(1, 20))
def test_resampling_is_lookup_at_every_instant(chunk, start, step, count):
    values, known = resample(chunk, start, step, count)
    last = chunk.end_ns - chunk.step_ns
    for k in range(count):
        now = start + k * step
        assert known[k] == (chunk.stamp_ns <= now <= last)
        clipped = min(max(now, chunk.stamp_ns), last)
        np.testing.assert_allclose(values[k], lookup(chunk, clipped).value, atol=1e-9)


def test_a_chunk_resampled_on_its_own_grid_is_itself_shifted():
    values, known = resample(ramp(), 3 * STEP_NS, STEP_NS, 8)
    assert values[:, 0].tolist() == [3, 4, 5, 6, 7, 7, 7, 7]
    assert known.tolist() == [True] * 5 + [False] * 3


def test_a_chunk_of_one_sample_is_held_for_one_step():
    chunk = ActionChunk(0, STEP_NS, np.array([[0.5, 1.0]]))
    assert lookup(chunk, STEP_NS - 1).value.tolist() == [0.5, 1.0]
    assert lookup(chunk, STEP_NS) is None
    assert resample(chunk, 0, STEP_NS, 2)[1].tolist() == [True, False]


def test_what_remains_shrinks_to_nothing():
    assert remaining_s(None, 0) == 0.0
    assert remaining_s(ramp(), 2 * STEP_NS) == 6 * 0.02
    assert remaining_s(ramp(), 100 * STEP_NS) == 0.0
