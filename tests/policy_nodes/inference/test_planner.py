import time
from functools import partial

import numpy as np
import pytest

from policy_nodes.bundle.chunking import Chunking, WarmStart
from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError, ObservationError
from policy_nodes.inference import planner as planner_module
from policy_nodes.inference.engines import reminding
from policy_nodes.inference.observation import Observation
from policy_nodes.inference.planner import ChunkPlanner
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.provider_options import ProviderSettings
from tests.policy_nodes.bundle_fixture import ACTIONS, HORIZON, make_bundle, observation_arrays
from tests.policy_nodes.continued_bundle import WARM_SHARE, make_continued_bundle

STEP_NS = 20_000_000
START = 10**9


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_continued_bundle(tmp_path_factory.mktemp("continued")))


def observed(steps, row=0, **changes):
    arrays = observation_arrays(3)
    arrays.pop("noise")
    values = {name: value[row].copy() for name, value in arrays.items()} | changes
    return Observation(START + round(steps * STEP_NS), values, {})


def planner(bundle, method="full", **options):
    made = ChunkPlanner(bundle, warm_start=WarmStart(method=method, **options.pop("warm", {})), **options)
    made.delivered(0.0)
    return made


def test_every_graph_in_use_is_proven_before_use(bundle):
    said = []
    made = planner(bundle, "guided", settings=ProviderSettings(notify=said.append))
    made.warm_up()
    assert set(made._sessions) == {("full", 4), ("guided", 5)}
    variant = next(graph.file for graph in bundle.manifest.policy.variants if graph.method == "guided")
    assert [text.rpartition(", ")[0] for text in said] == [
        "warm-up 1 of 2, policy.onnx on cpu: answers as recorded",
        f"warm-up 2 of 2, {variant} on cpu: answers as recorded",
    ]


def test_a_slow_warm_up_is_reported_while_it_lasts(bundle, monkeypatch):
    said = []
    made = planner(bundle, settings=ProviderSettings(notify=said.append))
    monkeypatch.setattr(planner_module, "reminding", partial(reminding, every_s=0.01))
    monkeypatch.setattr(made.policy, "warm_up", lambda: time.sleep(0.2) or 0.2)
    made.warm_up()
    assert len(said) > 2 and all("0 s so far" in text for text in said[:-1]) and said[-1].endswith("200.00 ms per call")


def test_the_first_chunk_is_plain_and_the_next_ones_continue(bundle):
    made = planner(bundle, "guided")
    assert [made.plan(observed(8 * k)).method for k in range(3)] == ["full", "guided", "guided"]
    made.reset()
    assert made.plan(observed(40)).method == "full"


def test_frozen_steps_are_those_of_the_previous_chunk_at_the_same_instants(bundle):
    made = planner(bundle, "guided")
    first = made.plan(observed(0))
    made.delivered(0.05)  # two and a half steps: three are over, and the fourth is in use
    second = made.plan(observed(8, row=1))
    assert second.frozen == 4
    np.testing.assert_allclose(second.chunk.values[:4], first.chunk.values[8:12], atol=1e-6)
    assert np.abs(second.chunk.values[4:8] - first.chunk.values[12:16]).max() > 1e-3


def test_between_two_steps_the_previous_chunk_is_interpolated(bundle):
    made = planner(bundle, "guided")
    first = made.plan(observed(0))
    made.delivered(0.02)
    second = made.plan(observed(4.5, row=1))
    expected = 0.5 * (first.chunk.values[4] + first.chunk.values[5])
    np.testing.assert_allclose(second.chunk.values[0], expected, atol=1e-6)


def test_a_warm_start_gets_the_shifted_chunk_with_its_last_row_repeated(bundle):
    made = planner(bundle, "warm_start", warm={"noise_scale": 0.0})
    first = made.plan(observed(0))
    second = made.plan(observed(1, row=1))
    plain = (
        PolicySession(bundle).sample(observed(1, row=1).values, np.zeros((1, HORIZON, ACTIONS), np.float32)).chunk[0]
    )
    guess = np.concatenate([first.output.chunk[0][1:], first.output.chunk[0][-1:]])
    np.testing.assert_allclose(second.output.chunk[0], guess + WARM_SHARE * (plain - guess), atol=1e-5)
    assert second.evaluations == 2


def test_fresh_noise_enters_a_warm_start_by_its_scale(bundle):
    calm, noisy = planner(bundle, "warm_start", warm={"noise_scale": 0.0}), planner(bundle, "warm_start")
    answers = []
    for made in (calm, noisy):
        made.plan(observed(0))
        answers.append([made.plan(observed(1 + k)).output.chunk for k in range(2)])
    assert not np.allclose(answers[0][0], answers[1][0], atol=1e-6)


@pytest.mark.parametrize(
    ("steps", "note"),
    [(-1, "the clock went back"), (15, "the previous chunk is over"), (99, "the previous chunk is over")],
)
def test_what_cannot_be_continued_starts_from_noise_and_says_why(bundle, steps, note):
    made = planner(bundle, "guided")
    made.plan(observed(0))
    plan = made.plan(observed(steps))
    assert (plan.method, plan.note) == ("full", note)


def test_an_observation_that_jumps_restarts_only_when_asked_to(bundle):
    far = observed(1)
    far.values["observation.environment_state"][-1, 0] += 0.5  # of a range of 2 m
    for limit, method in ((None, "warm_start"), (0.3, "warm_start"), (0.2, "full")):
        made = planner(bundle, "warm_start", warm={"restart_fraction": limit})
        made.plan(observed(0))
        assert made.plan(far).method == method


def test_a_failed_call_forgets_the_previous_chunk(bundle):
    made = planner(bundle, "guided")
    made.plan(observed(0))
    broken = observed(1)
    broken.values["observation.state"][0, 0] = np.nan
    with pytest.raises(ObservationError, match="not finite"):
        made.plan(broken)
    assert made.plan(observed(2)).method == "full"


def test_ensembling_averages_what_chunks_say_about_an_instant(bundle):
    made = planner(bundle, chunking=Chunking(combine="ensemble", ensemble_decay=0.0))
    first, second = made.plan(observed(0)), made.plan(observed(8, row=1))
    raw = second.output.chunk[0]
    np.testing.assert_allclose(second.chunk.values[:8], 0.5 * (raw[:8] + first.output.chunk[0][8:]), atol=1e-6)
    np.testing.assert_allclose(second.chunk.values[8:], raw[8:])


def test_anytime_takes_the_largest_number_of_steps_that_fits(bundle):
    made = planner(bundle, anytime=True)
    for session in ((4, 0.020), (2, 0.012)):
        made._costs["full"].add(*session)
    assert [made.plan(observed(k), budget).evaluations for k, budget in enumerate((1.0, 0.016, 0.001))] == [4, 2, 2]


def test_sequence_numbers_grow_and_stamps_are_the_observations(bundle):
    made = planner(bundle)
    chunks = [made.plan(observed(k)).chunk for k in range(3)]
    assert [chunk.sequence for chunk in chunks] == [1, 2, 3]
    assert [chunk.stamp_ns for chunk in chunks] == [START, START + STEP_NS, START + 2 * STEP_NS]


def test_the_same_seed_gives_the_same_chunks(bundle):
    first, second = planner(bundle, seed=7), planner(bundle, seed=7)
    np.testing.assert_array_equal(first.plan(observed(0)).chunk.values, second.plan(observed(0)).chunk.values)
    first.reset(seed=7)
    np.testing.assert_array_equal(
        first.plan(observed(0)).chunk.values, planner(bundle, seed=7).plan(observed(0)).chunk.values
    )


def test_a_delay_beyond_half_the_horizon_is_visible(bundle):
    made = planner(bundle, "guided")
    made.delivered(0.16)
    assert made.horizons_fit
    made.delivered(0.17)
    assert not made.horizons_fit
    made.delivered(10.0)  # longer than the chunk: everything that is left is frozen, and nothing breaks
    made.plan(observed(0))
    assert made.plan(observed(4)).frozen == HORIZON


def test_a_graph_that_the_bundle_lacks_is_named(bundle):
    with pytest.raises(BundleError, match=r"no graph 'guided_9' \(it has guided_5"):
        PolicySession(bundle, variant="guided_9")


def test_blending_leaves_no_jump_where_the_chunks_change(bundle):
    made = planner(bundle, chunking=Chunking(combine="blend"))
    made.delivered(0.06)
    first, second = made.plan(observed(0)), made.plan(observed(8, row=1))
    for steps in (8, 10, 11):
        now = START + steps * STEP_NS
        np.testing.assert_allclose(second.chunk.at(now), first.chunk.at(now), atol=1e-9)
    np.testing.assert_allclose(second.chunk.values[8:], second.output.chunk[0][8:])
    third = made.plan(observed(16))
    np.testing.assert_allclose(third.chunk.values[0], second.chunk.values[8], atol=1e-9)  # what was executed


def test_every_graph_is_opened_with_the_settings_of_its_provider(monkeypatch, tmp_path):
    from policy_nodes.inference import planner as module
    from policy_nodes.inference.provider_options import ProviderSettings

    seen = []
    original = module.open_session

    def opened(bundle, provider="cpu", threads=1, settings=None):
        seen.append((provider, settings))
        return original(bundle, "cpu", threads, settings)

    monkeypatch.setattr(module, "open_session", opened)
    settings = ProviderSettings(device=1)
    module.ChunkPlanner(load_bundle(make_bundle(tmp_path)), "auto", settings=settings)
    assert seen == [("auto", settings)]
