import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError, ObservationError, ProviderError
from policy_nodes.inference.planner import ChunkPlanner
from policy_nodes.inference.reactive import ReactiveDecoder, observation_buffer
from tests.policy_nodes.bundle_fixture import ACTIONS, HORIZON, make_bundle
from tests.policy_nodes.reactive_bundle import GAIN, WINDOW, make_reactive_bundle

STEP = 20_000_000
START = 10**12
PLAN = np.full(ACTIONS, 0.5, np.float32)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_reactive_bundle(tmp_path_factory.mktemp("reactive")))


@pytest.fixture
def decoder(bundle):
    return ReactiveDecoder(bundle)


def felt(bundle, steps, value=lambda k: 0.01 * (k + 1)):
    """A buffer in which every joint is at ``value(k)`` at step k."""
    buffer = observation_buffer(bundle.manifest)
    for k in range(steps):
        buffer.push("joint_position", START + k * STEP, np.full(ACTIONS, value(k)))
    return buffer


def expected(step, value=lambda k: 0.01 * (k + 1)):
    """First joint by hand: 0.5 plus a hundredth of the sum so far; what lies ahead repeats the newest value."""
    rows = [value(min(k, step)) for k in range(WINDOW)]
    return 0.5 + GAIN * np.cumsum(rows)[step : step + HORIZON]


def test_the_decoder_replays_what_was_felt_since_the_plan_was_made(bundle, decoder):
    decoder.take(START, PLAN)
    for step in (0, 3, 4):
        chunk = decoder.act(felt(bundle, step + 1), START + step * STEP)
        assert chunk.stamp_ns == START + step * STEP and chunk.step_ns == STEP
        assert chunk.values.shape == (HORIZON, ACTIONS)
        np.testing.assert_allclose(chunk.values[:, 0], expected(step), atol=1e-6)


def test_what_comes_later_changes_nothing(bundle):
    answers = []
    for ahead in (0.0, 5.0):
        made = ReactiveDecoder(bundle)
        made.take(START, PLAN)
        buffer = felt(bundle, 6, lambda k, ahead=ahead: ahead if k > 3 else 0.1)
        answers.append(made.act(buffer, START + 3 * STEP).values)
    np.testing.assert_array_equal(*answers)


def test_chunks_have_growing_numbers_and_one_answer_per_step(bundle, decoder):
    buffer = felt(bundle, 4)
    decoder.take(START, PLAN)
    first, second = decoder.act(buffer, START + 2 * STEP), decoder.act(buffer, START + 3 * STEP)
    assert (first.sequence, second.sequence) == (1, 2)
    assert decoder.act(buffer, START + 3 * STEP + STEP // 2) is None
    assert decoder.act(buffer, START + 4 * STEP - STEP // 8).stamp_ns == START + 4 * STEP  # a timer fires early
    assert decoder.answers == 3 and "reaction p99 (ms)" in decoder.values()


def test_a_plan_speaks_until_its_window_ends(bundle, decoder):
    last = WINDOW - HORIZON
    buffer = felt(bundle, last + 2)
    assert decoder.act(buffer, START) is None
    decoder.take(START, PLAN)
    assert decoder.act(buffer, START - STEP) is None  # before its observation
    assert decoder.act(buffer, START + last * STEP) is not None
    assert decoder.act(buffer, START + (last + 1) * STEP) is None


def test_the_newest_plan_wins_and_a_clock_that_went_back_starts_anew(bundle, decoder):
    buffer = felt(bundle, 6)
    assert decoder.take(START + 2 * STEP, PLAN)
    assert not decoder.take(START + 2 * STEP, PLAN + 1) and not decoder.take(START, PLAN + 1)
    assert decoder.act(buffer, START + 5 * STEP).values[0, 0] == pytest.approx(0.5 + GAIN * (0.03 + 0.04 + 0.05 + 0.06))
    long_ago = START - 10 * WINDOW * STEP
    assert decoder.take(long_ago, PLAN)
    old = observation_buffer(bundle.manifest)
    old.push("joint_position", long_ago, np.ones(ACTIONS))
    assert decoder.act(old, long_ago).stamp_ns == long_ago
    decoder.reset()
    assert decoder.act(old, long_ago) is None


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda buffer: buffer.push("joint_position", START + 2 * STEP, [np.nan] * 8), "not finite at 'panda_joint1'"),
        (lambda buffer: buffer.reset(), "was never received"),
    ],
)
def test_a_broken_signal_is_refused_by_name_and_the_next_good_one_is_answered(bundle, decoder, spoil, text):
    buffer = felt(bundle, 3)
    decoder.take(START, PLAN)
    spoil(buffer)
    with pytest.raises(ObservationError, match=text):
        decoder.act(buffer, START + 2 * STEP)
    assert decoder.refusals == 1 and decoder.values()["last reaction refused"]
    assert decoder.act(felt(bundle, 4), START + 3 * STEP) is not None and decoder.last_refusal == ""


def test_a_gap_and_silence_are_refused(bundle, decoder):
    decoder.take(START, PLAN)
    with pytest.raises(ObservationError, match=r"old, the limit is 0\.1 s"):
        decoder.act(felt(bundle, 1), START + 6 * STEP)
    holed = felt(bundle, 1)
    holed.push("joint_position", START + 7 * STEP, np.ones(ACTIONS))
    with pytest.raises(ObservationError, match=r"gap of 0\.120 s"):
        decoder.act(holed, START + 7 * STEP)


def test_an_answer_that_is_not_finite_never_leaves(bundle, decoder):
    decoder.take(START, np.full(ACTIONS, np.inf, np.float32))
    with pytest.raises(ObservationError, match="decoder's answer is not finite"):
        decoder.act(felt(bundle, 1), START)


def test_parity_is_proven_and_a_plain_bundle_refused(bundle, tmp_path):
    assert ReactiveDecoder(bundle).warm_up(10) > 0.0
    wrong = load_bundle(make_reactive_bundle(tmp_path, wrong=0.1))
    with pytest.raises(ProviderError, match=r"off by 0\.1"):
        ReactiveDecoder(wrong).warm_up()
    with pytest.raises(BundleError, match="no fast decoder"):
        ReactiveDecoder(load_bundle(make_bundle(tmp_path)))


def test_the_planner_hands_the_plan_over(bundle):
    planner, buffer = ChunkPlanner(bundle), felt(bundle, 2)
    buffer.push("cube_pose", START + STEP, [0.5, 0.0, 0.02, 0.0, 0.0, 0.0, 1.0])
    plan = planner.plan(buffer.assemble(START + STEP))
    np.testing.assert_allclose(plan.output.latent, np.full((1, ACTIONS), 0.02), atol=1e-6)
    assert plan.output.chunk.shape == (1, HORIZON, ACTIONS) and plan.output.embedding.shape == (1, 12)
