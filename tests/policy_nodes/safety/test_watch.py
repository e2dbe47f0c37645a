import numpy as np
import pytest

from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.watch import JointWatch, SignalWatch
from policy_nodes.types import JointSample
from tests.policy_nodes.safety.rig import MS, config, term

GOOD = np.array([0.1, 0.2, 0.3])


def seen(now_ms: int = 100) -> SignalWatch:
    watch = SignalWatch.of_term(term(), config())
    assert watch.sample(now_ms * MS, now_ms * MS, GOOD) is None
    return watch


def bad(index: int, value: float) -> np.ndarray:
    values = GOOD.copy()
    values[index] = value
    return values


def test_never_received_is_stale() -> None:
    fault = SignalWatch.of_term(term(), config()).fault(0)
    assert fault is not None
    assert fault.reason is Reason.OBSERVATION_STALE
    assert "cube: never received" in fault.detail


def test_fresh_until_the_limit_exactly() -> None:
    watch = seen(100)
    assert watch.fault(200 * MS) is None
    fault = watch.fault(200 * MS + 1)
    assert fault is not None
    assert fault.reason is Reason.OBSERVATION_STALE


def test_old_stamp_is_stale_even_if_it_arrives_now() -> None:
    watch = seen(100)
    assert watch.sample(300 * MS, 150 * MS, GOOD) is None
    assert watch.fault(300 * MS).reason is Reason.OBSERVATION_STALE  # type: ignore[union-attr]
    assert watch.age_s(300 * MS) == pytest.approx(0.15)


def test_repeated_stamp_is_no_sign_of_life() -> None:
    watch = seen(100)
    for now in range(110, 300, 10):
        assert watch.sample(now * MS, 100 * MS, GOOD) is None
    assert watch.fault(290 * MS).reason is Reason.OBSERVATION_STALE  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "ahead_ms", "reason", "text"),
    [
        (bad(1, np.nan), 0, Reason.OBSERVATION_NOT_FINITE, "'y' is not finite"),
        (bad(2, -np.inf), 0, Reason.OBSERVATION_NOT_FINITE, "'z' is not finite"),
        (bad(0, 1.5), 0, Reason.OBSERVATION_OUT_OF_RANGE, "'x' is 1.5, outside"),
        (GOOD[:2], 0, Reason.OBSERVATION_MALFORMED, "shape"),
        (GOOD, 11, Reason.OBSERVATION_FROM_FUTURE, "future"),
        (GOOD, -20, Reason.OBSERVATION_OUT_OF_ORDER, "went back"),
    ],
)
def test_three_rejections_in_a_row_are_a_fault(value: np.ndarray, ahead_ms: int, reason: Reason, text: str) -> None:
    watch = seen(100)
    for k in range(3):
        assert watch.fault(110 * MS) is None
        assert watch.sample(110 * MS, (110 + ahead_ms) * MS + k, value) is reason
    fault = watch.fault(110 * MS)
    assert fault is not None
    assert fault.reason is reason
    assert text in fault.detail
    assert watch.counts[reason] == 3
    np.testing.assert_array_equal(watch.value, GOOD)


def test_a_good_sample_between_rejections_starts_over() -> None:
    watch = seen(100)
    for k in range(10):
        stamp = (101 + 2 * k) * MS
        watch.sample(stamp, stamp, bad(0, np.nan))
        watch.sample(stamp + MS, stamp + MS, GOOD)
    assert watch.fault(121 * MS) is None
    assert watch.counts[Reason.OBSERVATION_NOT_FINITE] == 10


def test_a_fault_between_two_ticks_is_still_reported_once() -> None:
    watch = seen(100)
    for k in range(3):
        watch.sample((101 + k) * MS, (101 + k) * MS, bad(0, np.nan))
    watch.sample(105 * MS, 105 * MS, GOOD)
    assert watch.fault(106 * MS).reason is Reason.OBSERVATION_NOT_FINITE  # type: ignore[union-attr]
    assert watch.fault(107 * MS) is None


def test_a_restarted_source_with_an_earlier_clock_is_a_fault_and_then_followed() -> None:
    watch = seen(10_000)
    now = 10_010
    for k in range(3):
        assert watch.sample(now * MS, (9_950 + k) * MS, GOOD) is Reason.OBSERVATION_OUT_OF_ORDER
    assert watch.sample(now * MS, 9_960 * MS, GOOD) is None
    assert watch.fault(now * MS).reason is Reason.OBSERVATION_OUT_OF_ORDER  # type: ignore[union-attr]
    assert watch.fault(now * MS) is None


def test_samples_from_after_a_clock_step_back_do_not_count_as_fresh() -> None:
    fault = seen(10_000).fault(5_000 * MS)
    assert fault is not None
    assert fault.reason is Reason.OBSERVATION_STALE


def joints(stamp_ms: int, position: float = 0.0, velocity: float = 0.0) -> JointSample:
    return JointSample(stamp_ms * MS, np.array([position, 0.0]), np.array([velocity, 0.0]))


def test_joint_jump_beyond_what_the_velocity_allows() -> None:
    watch = JointWatch(config())
    assert watch.joint_sample(100 * MS, joints(100)) is None
    # 2 rad/s x 3 x 10 ms + 0.02 rad
    assert watch.joint_sample(110 * MS, joints(110, 0.081)) is Reason.JOINT_JUMP
    assert watch.joint_sample(110 * MS, joints(110, 0.079)) is None
    # A real move passes when enough time has gone by.
    assert watch.joint_sample(400 * MS, joints(400, 1.5)) is None


def test_joint_fault_names() -> None:
    watch = JointWatch(config())
    assert watch.joint_sample(0, joints(0, velocity=np.nan)) is Reason.JOINT_STATE_NOT_FINITE
    assert watch.joint_sample(0, joints(0, position=np.nan)) is Reason.JOINT_STATE_NOT_FINITE
    assert watch.joint_sample(0, joints(0, position=2.021)) is Reason.JOINT_OUT_OF_LIMITS
    assert watch.joint_sample(0, JointSample(0, np.zeros(2), np.zeros(3))) is Reason.JOINT_STATE_MALFORMED
    assert watch.joint_sample(0, JointSample(0, np.zeros(1), np.zeros(2))) is Reason.JOINT_STATE_MALFORMED
    assert watch.joint_sample(0, joints(20)) is Reason.JOINT_STATE_FROM_FUTURE
    assert watch.value is None


def test_a_value_that_is_not_finite_is_named_before_the_jump_of_another_joint() -> None:
    watch = JointWatch(config())
    assert watch.joint_sample(100 * MS, joints(100)) is None
    mixed = JointSample(110 * MS, np.array([np.nan, 1.5]), np.zeros(2))
    assert watch.joint_sample(110 * MS, mixed) is Reason.JOINT_STATE_NOT_FINITE
    one_moves = JointSample(110 * MS, np.array([0.0, 1.5]), np.zeros(2))
    assert watch.joint_sample(110 * MS, one_moves) is Reason.JOINT_JUMP
