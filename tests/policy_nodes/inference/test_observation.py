import numpy as np
import pytest

from policy_nodes.bundle.manifest import Manifest, ObservationFeature
from policy_nodes.errors import ObservationError
from policy_nodes.inference.observation import ObservationBuffer, transform
from tests.policy_nodes.bundle_fixture import HIGH, LOW, manifest_fields

MS = 1_000_000
POSE = [0.4, 0.0, 0.02, 0.0, 0.0, 0.0, 1.0]
MIDDLE = (np.array(LOW) + np.array(HIGH)) / 2


@pytest.fixture
def features() -> list[ObservationFeature]:
    return Manifest.model_validate(manifest_fields() | {"files": {}, "digest": "0" * 64}).observations


def joints(value: float) -> np.ndarray:
    return np.full(8, value)


def test_history_is_oldest_first_and_terms_follow_the_contract(features):
    buffer = ObservationBuffer(features)
    for step in range(4):
        buffer.push("joint_position", 1000 * MS + step * 20 * MS, joints(step / 100))
        buffer.push("cube_pose", 1000 * MS + step * 20 * MS, POSE)
    observation = buffer.assemble(1065 * MS)
    assert observation.stamp_ns == 1060 * MS
    state = observation.values["observation.state"]
    assert state.dtype == np.float32
    np.testing.assert_allclose(state, [[0.02] * 8, [0.03] * 8])
    np.testing.assert_allclose(observation.values["observation.environment_state"], [POSE, POSE])
    assert observation.ages_s == pytest.approx({"joint_position": 0.005, "cube_pose": 0.005})


def test_at_the_start_the_oldest_is_repeated(features):
    buffer = ObservationBuffer(features)
    buffer.push("joint_position", 10 * MS, joints(0.5))
    buffer.push("cube_pose", 10 * MS, POSE)
    np.testing.assert_array_equal(buffer.assemble(11 * MS).values["observation.state"], np.full((2, 8), 0.5))


def test_terms_of_different_rates_and_jitter(features):
    buffer = ObservationBuffer(features)
    for index in range(12):  # 100 Hz joints with microseconds of jitter
        buffer.push("joint_position", index * 10 * MS + (index % 3) * 1000, joints(index))
    buffer.push("cube_pose", 60 * MS, [0.1, *POSE[1:]])
    buffer.push("cube_pose", 98 * MS, [0.2, *POSE[1:]])
    observation = buffer.assemble(112 * MS)
    # Newest joints: index 11 at 110.002 ms; 20 ms earlier is 90.002, where index 9 (90.000) is the latest before.
    assert observation.stamp_ns == 110 * MS + 2000
    np.testing.assert_array_equal(observation.values["observation.state"][:, 0], [9, 11])
    np.testing.assert_allclose(observation.values["observation.environment_state"][:, 0], [0.1, 0.2])


def test_a_sample_microseconds_too_late_does_not_cost_a_period(features):
    buffer = ObservationBuffer(features)
    buffer.push("cube_pose", 40 * MS, POSE)
    for stamp, value in ((0, 0), (20 * MS + 50, 1), (40 * MS, 2)):
        buffer.push("joint_position", stamp, joints(value))
    np.testing.assert_array_equal(buffer.assemble(40 * MS).values["observation.state"][:, 0], [1, 2])


def test_out_of_order_and_duplicates(features):
    buffer = ObservationBuffer(features)
    buffer.push("cube_pose", 40 * MS, POSE)
    for stamp, value in ((40 * MS, 2), (20 * MS, 9), (20 * MS, 1)):
        assert buffer.push("joint_position", stamp, joints(value))
    np.testing.assert_array_equal(buffer.assemble(40 * MS).values["observation.state"][:, 0], [1, 2])
    assert not buffer.push("joint_position", -1000 * MS, joints(0))


def fails(buffer, now, said):
    with pytest.raises(ObservationError, match=said) as caught:
        buffer.assemble(now)
    assert caught.value.fix


def test_never_received(features):
    buffer = ObservationBuffer(features)
    buffer.push("joint_position", 0, MIDDLE)
    fails(buffer, 0, "'cube_pose' was never received")


def test_too_old_names_term_age_and_limit(features):
    buffer = ObservationBuffer(features)
    buffer.push("joint_position", 0, MIDDLE)
    buffer.push("cube_pose", 0, POSE)
    buffer.assemble(100 * MS)
    fails(buffer, 101 * MS, r"'joint_position' is 0\.101 s old, the limit is 0\.1 s")


def test_a_stamp_from_the_future_is_a_clock_problem(features):
    buffer = ObservationBuffer(features)
    buffer.push("joint_position", 100 * MS, MIDDLE)
    buffer.push("cube_pose", 100 * MS, POSE)
    buffer.assemble(60 * MS)
    fails(buffer, 40 * MS, r"'joint_position' is stamped 0\.060 s in the future")


def test_a_hole_in_the_history():
    fields = manifest_fields()["observations"][0] | {"history": 2, "history_step_s": 1.0}
    buffer = ObservationBuffer([ObservationFeature.model_validate(fields)])
    buffer.push("joint_position", 0, MIDDLE)
    buffer.push("joint_position", 1500 * MS, MIDDLE)
    fails(buffer, 1500 * MS, r"gap of 0\.500 s in its history, the limit is 0\.1 s")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named_and_recovered_from(features, bad):
    buffer = ObservationBuffer(features)
    buffer.push("cube_pose", 0, POSE)
    broken = MIDDLE.copy()
    broken[2] = bad
    buffer.push("joint_position", 0, broken)
    fails(buffer, 0, "'joint_position' is not finite at 'panda_joint3'")
    for stamp in (20, 40):
        buffer.push("joint_position", stamp * MS, MIDDLE)
    assert np.isfinite(buffer.assemble(40 * MS).values["observation.state"]).all()


def test_out_of_range_is_reported_not_hidden(features):
    buffer = ObservationBuffer(features)
    buffer.push("joint_position", 0, MIDDLE)
    buffer.push("cube_pose", 0, [0.4, 0.0, 5.0, 0, 0, 0, 1])
    assert buffer.assemble(0).out_of_range == ("'cube_pose' z = 5 is outside [-0.1, 1]",)


def test_unknown_term_and_wrong_size(features):
    buffer = ObservationBuffer(features)
    with pytest.raises(ObservationError, match="no observation term 'imu'"):
        buffer.push("imu", 0, [0.0])
    with pytest.raises(ObservationError, match="'cube_pose' has 3 elements, the contract 7"):
        buffer.push("cube_pose", 0, [0.0] * 3)


def test_reset_forgets(features):
    buffer = ObservationBuffer(features)
    buffer.push("joint_position", 10**12, MIDDLE)
    buffer.push("cube_pose", 10**12, POSE)
    buffer.reset()
    fails(buffer, 0, "never received")
    buffer.push("joint_position", 0, MIDDLE)  # the clock went back, as after a simulator's reset
    buffer.push("cube_pose", 0, POSE)
    assert buffer.assemble(0).stamp_ns == 0


def test_the_caller_may_reuse_its_array(features):
    buffer = ObservationBuffer(features)
    value = MIDDLE.copy()
    buffer.push("joint_position", 0, value)
    value[:] = np.nan
    buffer.push("cube_pose", 0, POSE)
    assert np.isfinite(buffer.assemble(0).values["observation.state"]).all()


def test_scale_offset_and_clip(features):
    term = features[0].terms[0].model_copy(update={"scale": 2.0, "offset": 1.0, "clip": 3.0})
    np.testing.assert_array_equal(transform(term, np.array([1.0, 2.0, 5.0, -9.0])), [0.0, 2.0, 3.0, -3.0])
