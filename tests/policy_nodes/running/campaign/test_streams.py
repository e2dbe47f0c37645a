"""Every corruption, by what it makes of four messages."""

import numpy as np
import pytest

from policy_nodes.running.campaign import streams
from policy_nodes.running.campaign.streams import Sample

pytestmark = pytest.mark.pure

MESSAGES = [Sample(k * 100, np.array([k, k + 0.1, k + 0.2]), ("a", "b", "c")) for k in range(4)]


def through(corruption):
    return [item for message in MESSAGES for item in corruption(message)]


def stamps(found):
    return [sample.stamp_ns for _, sample in found]


def test_drop_delay_duplicate_reorder_thin():
    assert through(streams.drop()) == []
    assert {delay for delay, _ in through(streams.delay(0.4)())} == {400_000_000}
    assert stamps(through(streams.duplicate())) == [0, 0, 100, 100, 200, 200, 300, 300]
    assert stamps(through(streams.reorder())) == [100, 0, 300, 200]
    assert stamps(through(streams.thin(2)())) == [100, 300]
    assert len(through(streams.flood(50)())) == 200


def test_values():
    for k, (_, sample) in enumerate(through(streams.element(1, np.nan)())):
        assert np.isnan(sample.values[1]) and sample.values[0] == k
    np.testing.assert_allclose(through(streams.jump(1.0)())[2][1].values, [3.0, 3.1, 3.2])
    np.testing.assert_allclose(through(streams.jump(1.0, 0)())[2][1].values, [3.0, 2.1, 2.2])
    np.testing.assert_array_equal(through(streams.freeze())[3][1].values, MESSAGES[0].values)
    assert stamps(through(streams.freeze())) == [0, 100, 200, 300]
    np.testing.assert_allclose(through(streams.wrong_order())[0][1].values, [0.2, 0.0, 0.1])
    assert through(streams.shorten())[0][1].names == ("a", "b")
    whole = Sample(0, np.arange(6.0).reshape(3, 2), ("a", "b"))
    ((_, cut),) = streams.truncate()(whole)
    np.testing.assert_array_equal(cut.values, [[0.0, 1.0], [2.0, 3.0]])
    assert cut.names == whole.names


def test_permuted_keeps_the_meaning():
    for message, (_, sample) in zip(MESSAGES, through(streams.permuted()), strict=True):
        assert dict(zip(sample.names, sample.values, strict=True)) == dict(zip("abc", message.values, strict=True))


def test_stamps():
    assert stamps(through(streams.stale_stamp())) == [0, 0, 0, 0]
    assert stamps(through(streams.shift_stamp(1e-6)())) == [1000, 1100, 1200, 1300]


def test_a_source_is_never_changed_in_place():
    before = [message.values.copy() for message in MESSAGES]
    for maker in (streams.element(0, 9.0), streams.jump(2.0)):
        through(maker())
    for corruption in (streams.wrong_order(), streams.shorten(), streams.permuted()):
        through(corruption)
    for message, values in zip(MESSAGES, before, strict=True):
        np.testing.assert_array_equal(message.values, values)


@pytest.mark.parametrize("maker", [streams.reorder, streams.freeze, streams.stale_stamp])
def test_stateful_corruptions_begin_anew(maker):
    through(maker())
    assert stamps(maker()(MESSAGES[3])) in ([], [300])
