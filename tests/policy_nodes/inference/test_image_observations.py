"""Pictures in the observation buffer, in the policy session and in the first-ticks check."""

import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.manifest import ImageFeature, Manifest, ObservationFeature
from policy_nodes.errors import ObservationError
from policy_nodes.inference.first_ticks import FirstTicksCheck
from policy_nodes.inference.first_ticks_gate import FirstTicksGate
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.inference.planner import ChunkPlanner
from policy_nodes.inference.policy import PolicySession
from tests.policy_nodes.bundle_fixture import HISTORY, manifest_fields
from tests.policy_nodes.camera_bundle import SIZES, TOP, WRIST, answers, camera_bundle, camera_fields, pictures

MS = 1_000_000
CAMERA = {"name": TOP, "topic": "/top/image_raw", "height": 1, "width": 2, "max_age_s": 0.1}


def buffer(history=1, **changes):
    state = ObservationFeature.model_validate(manifest_fields()["observations"][0])
    image = ImageFeature.model_validate(CAMERA | {"history": history, "history_step_s": 0.02} | changes)
    return ObservationBuffer([state], [image])


def picture(value):
    return np.full((1, 2, 3), value, np.uint8)


def filled(observations, until_ms=100):
    for stamp in range(0, until_ms + 1, 10):
        observations.push("joint_position", stamp * MS, np.zeros(8))
    return observations


def test_rows_are_sampled_at_the_instants_of_the_other_features():
    # Joints every 10 ms, pictures every 10 ms of the value of their stamp, 3 ms behind: the stamp is the joints'.
    observations = filled(buffer(history=3))
    for stamp in range(7, 98, 10):
        observations.push_image(TOP, stamp * MS, picture(stamp))
    observation = observations.assemble(101 * MS)
    assert observation.stamp_ns == 100 * MS
    pixels = observation.values[TOP]
    assert pixels.shape == (3, 1, 2, 3) and pixels.dtype == np.uint8
    # 60, 80 and 100 ms ago: the picture before each instant is 3 ms old, the next 7 ms later: beyond a quarter step.
    assert pixels[:, 0, 0, 0].tolist() == [57, 77, 97]
    assert observation.ages_s[TOP] == pytest.approx(0.004)


def test_the_newest_stamp_may_be_a_picture():
    observations = filled(buffer(), until_ms=90)
    observations.push_image(TOP, 95 * MS, picture(1))
    assert observations.assemble(100 * MS).stamp_ns == 95 * MS


def test_before_the_first_step_the_oldest_picture_is_repeated():
    observations = filled(buffer(history=3))
    observations.push_image(TOP, 100 * MS, picture(5))
    assert observations.assemble(100 * MS).values[TOP][:, 0, 0, 0].tolist() == [5, 5, 5]


def test_no_more_pictures_are_kept_than_can_be_asked_for():
    observations = filled(buffer(history=3))  # 40 ms of history
    for stamp in range(0, 101, 10):
        observations.push_image(TOP, stamp * MS, picture(stamp))
    assert len(observations._history[TOP]) == 5
    assert not observations.push_image(TOP, 40 * MS, picture(0))
    single = buffer()
    for stamp in range(100):
        single.push_image(TOP, stamp * MS, picture(stamp))
    assert len(single._history[TOP]) == 1


def test_silence_age_gap_and_future_are_named():
    observations = filled(buffer(history=2, history_step_s=0.5), until_ms=900)
    with pytest.raises(ObservationError, match=r"'observation.images.top' was never received") as caught:
        observations.assemble(900 * MS)
    assert "/top/image_raw (sensor_msgs/msg/Image)" in caught.value.fix
    observations.push_image(TOP, 0, picture(0))
    with pytest.raises(ObservationError, match=r"'observation.images.top' is 0.900 s old, the limit is 0.1 s"):
        observations.assemble(900 * MS)
    observations.push_image(TOP, 900 * MS, picture(0))
    with pytest.raises(ObservationError, match=r"gap of 0.400 s in its history"):
        observations.assemble(900 * MS)
    observations.push_image(TOP, 1000 * MS, picture(0))
    with pytest.raises(ObservationError, match="in the future"):
        observations.assemble(905 * MS)


def test_what_is_no_picture_of_the_contract():
    observations = buffer()
    with pytest.raises(ObservationError, match="no camera 'wrist'"):
        observations.push_image("wrist", 0, picture(0))
    for wrong in (np.zeros((1, 2, 3), np.float32), np.zeros((2, 1, 3), np.uint8), np.zeros((1, 2), np.uint8)):
        with pytest.raises(ObservationError, match=r"the contract says uint8 \(1, 2, 3\)"):
            observations.push_image(TOP, 0, wrong)


def test_reset_forgets_pictures():
    observations = filled(buffer())
    observations.push_image(TOP, 100 * MS, picture(0))
    observations.reset()
    filled(observations)
    with pytest.raises(ObservationError, match="was never received"):
        observations.assemble(100 * MS)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(camera_bundle(tmp_path_factory.mktemp("cameras")))


def test_the_session_answers_from_raw_pixels(bundle):
    session = PolicySession(bundle)
    session.warm_up(4, batch=2)
    state = np.zeros((1, HISTORY, 8), np.float32)
    seen = pictures(1, seed=9)
    expected = answers(state, seen, 0.4)
    single = {"observation.state": state[0]} | {name: value[0] for name, value in seen.items()}
    output = session.sample(single)
    np.testing.assert_allclose(output.chunk, expected["action"], atol=1e-6)
    np.testing.assert_allclose(output.embedding, expected["embedding"], atol=1e-6)
    many = session.sample(single, batch=3)  # as a failure monitor asks: one observation, many answers
    assert many.chunk.shape[0] == 3
    np.testing.assert_allclose(many.chunk[2], expected["action"][0], atol=1e-6)
    both = session.sample({"observation.state": np.zeros((2, HISTORY, 8))} | pictures(2))
    assert both.chunk.shape[0] == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda seen: seen.pop(WRIST), "'observation.images.wrist' is missing"),
        (lambda seen: seen.update({WRIST: seen[WRIST][:, :3]}), r"has shape \(1, 3, 4, 3\), expected \(1, 4, 4, 3\)"),
        (lambda seen: seen.update({WRIST: seen[WRIST] / 255.0}), "gives float64, expected uint8"),
    ],
)
def test_the_session_refuses(bundle, change, said):
    seen = {name: value[0] for name, value in pictures(1).items()}
    change(seen)
    with pytest.raises(ObservationError, match=said):
        PolicySession(bundle).sample({"observation.state": np.zeros((HISTORY, 8)), **seen})


def test_the_planner_plans_from_the_buffer(bundle):
    manifest = bundle.manifest
    planner, observations = ChunkPlanner(bundle), ObservationBuffer(manifest.observations, manifest.images)
    for stamp in range(0, 101, 20):
        observations.push("joint_position", stamp * MS, np.zeros(8))
        for name, (height, width, _) in SIZES.items():
            observations.push_image(name, stamp * MS, np.full((height, width, 3), 255, np.uint8))
    plan = planner.plan(observations.assemble(101 * MS))
    # White pictures have brightness one: the whole speed of 0.4 rad/s, 8 ms per row of 20 ms.
    assert plan.chunk.values[1, 0] == pytest.approx(0.008, abs=1e-6)


def ticks(contract, rate=50.0, flat=False, cameras=(TOP, WRIST), delay_ms=2):
    check = FirstTicksCheck(contract, 0)
    rng = np.random.default_rng(0)
    for index in range(int(0.5 * rate) + 1):
        stamp = round(index / rate * 1000) * MS
        check.on_sample("joint_position", stamp, stamp + 2 * MS, np.zeros(8))
        for name in cameras:
            shape = (*SIZES[name][:2], 3)
            pixels = np.zeros(shape, np.uint8) if flat else rng.integers(0, 256, shape, dtype=np.uint8)
            check.on_image(name, stamp, stamp + delay_ms * MS, pixels)
    return check.verdict(3000 * MS)


def contract(**changes):
    raw = manifest_fields() | {"files": {}, "digest": "0" * 64} | camera_fields(**changes)
    raw["observations"][0]["terms"][0]["axes"] = [f"j{index}" for index in range(8)]
    raw["observations"][0]["terms"][0]["minimum"] = [-3.0] * 8
    raw["observations"][0]["terms"][0]["maximum"] = [3.0] * 8
    return Manifest.model_validate(raw)


def test_first_ticks_of_cameras():
    def items(result):
        return [(finding.item, finding.term) for finding in result[1]]

    assert ticks(contract()) == ("passed", ())
    assert items(ticks(contract(), cameras=(TOP,))) == [("silent", WRIST)]
    assert items(ticks(contract(), flat=True)) == [("flat", TOP), ("flat", WRIST)]
    # The top camera has a history spaced by 20 ms; the wrist's single picture only has to be younger than 0.5 s.
    assert ("rate", TOP) in items(ticks(contract(), rate=20.0))
    assert ("rate", WRIST) not in items(ticks(contract(), rate=20.0))
    assert ("delay", WRIST) in items(ticks(contract(max_age_s=0.1), delay_ms=150))


def test_the_gate_watches_cameras():
    gate = FirstTicksGate(contract(), "require", 0)
    assert not gate.open
    gate.on_image(TOP, 0, 0, np.zeros((6, 8, 3), np.uint8))
    findings = gate.poll(4000 * MS)
    assert {"silent"} == {finding.item for finding in findings} and len(findings) == 3
    off = FirstTicksGate(contract(), "ignore", 0)
    off.on_image(TOP, 0, 0, np.zeros((6, 8, 3), np.uint8))
    assert off.open and not off.findings
