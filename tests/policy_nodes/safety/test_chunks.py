from dataclasses import replace

import numpy as np
import pytest

from policy_nodes.safety.chunks import ChunkForm, ChunkWatch
from policy_nodes.safety.reasons import Reason
from policy_nodes.types import ActionChunk
from tests.policy_nodes.safety.rig import MS, config


def chunk(stamp_ms: int = 1000, sequence: int = 1, start: float = 0.0, slope: float = 0.01) -> ActionChunk:
    """Five samples of 20 ms for one joint."""
    return ActionChunk(stamp_ms * MS, 20 * MS, (start + slope * np.arange(5))[:, None], sequence)


def watch() -> ChunkWatch:
    made = ChunkWatch(config(), 1, 0.01, 0.04)
    assert made.offer(1005 * MS, chunk(), commanding=True) is None
    return made


def test_lookup_is_delay_compensated_with_the_velocity_of_the_chunk() -> None:
    wanted = watch().at(1030 * MS)
    assert wanted is not None
    np.testing.assert_allclose(wanted.position, [0.015])
    np.testing.assert_allclose(wanted.velocity, [0.5])


def test_seam_between_chunks_is_no_velocity() -> None:
    chunks = watch()
    chunks.offer(1025 * MS, chunk(1020, 2, start=0.5), commanding=True)
    wanted = chunks.at(1030 * MS)
    assert wanted is not None
    np.testing.assert_allclose(wanted.position, [0.505])
    np.testing.assert_allclose(wanted.velocity, [0.5])
    first = chunks.at(1020 * MS)  # nothing lies before: the slope ahead
    assert first is not None
    np.testing.assert_allclose(first.velocity, [0.5])


def test_extrapolation_holds_the_last_sample_up_to_the_limit() -> None:
    chunks = watch()  # ends at 1100 ms, may be held for 50 ms
    for now in (1100, 1149):
        wanted = chunks.at(now * MS)
        assert wanted is not None
        np.testing.assert_allclose([wanted.position[0], wanted.velocity[0]], [0.04, 0.0])
    assert chunks.at(1150 * MS) is None
    assert "ended 0.050 s ago" in chunks.exhausted(1150 * MS).detail


def test_late_after_period_and_grace() -> None:
    chunks = watch()  # arrived at 1005, due at 1045, grace 50
    assert chunks.late(1095 * MS) is None
    fault = chunks.late(1095 * MS + 1)
    assert fault is not None
    assert fault.reason is Reason.CHUNK_LATE


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (chunk(1000, 2), Reason.CHUNK_OUT_OF_ORDER),
        (chunk(990, 2), Reason.CHUNK_OUT_OF_ORDER),
        (chunk(1005, 1), Reason.CHUNK_OUT_OF_ORDER),
        (chunk(1031, 2), Reason.CHUNK_FROM_FUTURE),
        (chunk(1010, 2, start=np.nan), Reason.CHUNK_NOT_FINITE),
        (chunk(1010, 2, start=-np.inf), Reason.CHUNK_NOT_FINITE),
        (ActionChunk(1010 * MS, 20 * MS, np.zeros((5, 2)), 2), Reason.CHUNK_MALFORMED),
        (ActionChunk(1010 * MS, 20 * MS, np.zeros((0, 1)), 2), Reason.CHUNK_MALFORMED),
        (ActionChunk(1010 * MS, 20 * MS, np.zeros(1), 2), Reason.CHUNK_MALFORMED),
        (ActionChunk(1010 * MS, 0, np.zeros((5, 1)), 2), Reason.CHUNK_MALFORMED),
        (ActionChunk(1001 * MS, MS, np.zeros((5, 1)), 2), Reason.CHUNK_STALE),
    ],
)
def test_rejected_chunks_are_counted_and_the_previous_one_stays(bad: ActionChunk, reason: Reason) -> None:
    chunks = watch()
    assert chunks.offer(1020 * MS, bad, commanding=True) is reason
    assert chunks.counts == {reason: 1}
    wanted = chunks.at(1030 * MS)
    assert wanted is not None
    np.testing.assert_allclose(wanted.position, [0.015])


def test_the_form_of_the_contract_is_asked_for_only_where_it_is_known() -> None:
    form = ChunkForm(points=5, step_ns=20 * MS)
    strict = ChunkWatch(config(), 1, 0.01, 0.04, form)
    longer = replace(chunk(), values=np.zeros((6, 1)))
    assert strict.offer(1005 * MS, longer, commanding=False) is Reason.CHUNK_WRONG_FORM
    assert strict.refused == "6 points of 0.02 s, the contract has 5 of 0.02 s"
    assert strict.chunk is None
    # Joints are looked at first: what has another number of them is not even a chunk of this robot.
    assert strict.offer(1005 * MS, replace(chunk(), values=np.zeros((6, 2))), False) is Reason.CHUNK_MALFORMED
    assert strict.offer(1005 * MS, chunk(), commanding=False) is None
    assert ChunkWatch(config(), 1, 0.01, 0.04).offer(1005 * MS, longer, commanding=False) is None


def test_restarted_policy_is_accepted_only_while_it_does_not_command() -> None:
    chunks = watch()
    again = chunk(1010, sequence=0)
    assert chunks.offer(1020 * MS, again, commanding=True) is Reason.CHUNK_OUT_OF_ORDER
    assert chunks.offer(1020 * MS, again, commanding=False) is None


def test_a_stamp_slightly_ahead_means_now() -> None:
    chunks = ChunkWatch(config(), 1, 0.01, 0.04)
    assert chunks.offer(995 * MS, chunk(1000), commanding=False) is None
    wanted = chunks.at(995 * MS)
    assert wanted is not None
    np.testing.assert_allclose(wanted.position, [0.0])
    assert chunks.at(900 * MS) is None


def test_a_chunk_of_a_clock_that_went_back_does_not_block_newer_ones() -> None:
    chunks = watch()
    assert chunks.offer(505 * MS, chunk(500, 2), commanding=True) is None


def test_the_sender_may_reuse_its_buffer() -> None:
    chunks, values = ChunkWatch(config(), 1, 0.01, 0.04), np.zeros((5, 1))
    chunks.offer(0, ActionChunk(0, 20 * MS, values, 1), commanding=False)
    values[:] = np.nan
    wanted = chunks.at(10 * MS)
    assert wanted is not None
    assert wanted.position[0] == 0.0


@pytest.mark.parametrize("now_ms", [990, 1000, 1007, 1030, 1081, 1099])
def test_targets_ahead_are_the_lookups_of_the_coming_ticks(now_ms: int) -> None:
    chunks = watch()
    expected = [chunks.at(now * MS) for now in range(now_ms, 1100, 10)]
    found = chunks.ahead(now_ms * MS)
    np.testing.assert_allclose(found, [wanted.position for wanted in expected if wanted is not None], atol=1e-12)


def test_nothing_lies_ahead_of_an_ended_or_missing_chunk() -> None:
    assert watch().ahead(1100 * MS).shape == (0, 1)
    assert ChunkWatch(config(), 1, 0.01, 0.04).ahead(0).shape == (0, 1)
