"""Planning in a thread: what is asked for, what is dropped, and what a bad input ends in. No sleeping."""

import threading

import numpy as np
import pytest

from policy_nodes.bundle.chunking import Chunking, WarmStart
from policy_nodes.bundle.load import load_bundle
from policy_nodes.inference.observation import ObservationBuffer
from policy_nodes.inference.planner import ChunkPlanner
from policy_nodes.inference.planning_loop import STUCK_S, PlanningLoop
from tests.policy_nodes.bundle_fixture import observation_arrays
from tests.policy_nodes.continued_bundle import make_continued_bundle

STEP_NS = 20_000_000
START = 10**9


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_continued_bundle(tmp_path_factory.mktemp("loop")))


class Rig:
    """A planning loop on a hand-moved clock."""

    def __init__(self, bundle, **options):
        self.now = START
        self.plans, self.refusals, self.errors = [], [], []
        self.gate = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.gated = False
        self.planner = ChunkPlanner(bundle, **options)
        self.planner.delivered(0.0)
        self.loop = PlanningLoop(
            self.planner,
            ObservationBuffer(bundle.manifest.observations),
            self.clock,
            lambda plan, delay: self.plans.append((plan, delay)),
            lambda error: self.refusals.append(error.cause),
            self.errors.append,
        )
        plan = self.planner.plan

        def gated_plan(observation, budget_s):
            if self.gated:
                self.begun.release()
                assert self.gate.acquire(timeout=10)
            return plan(observation, budget_s)

        self.planner.plan = gated_plan
        self.loop.start()

    def clock(self):
        return self.now

    def observe(self, shift=0.0, stamp=None, nan=False):
        arrays = observation_arrays(1)
        state = arrays["observation.state"][0, -1].copy()
        cube = arrays["observation.environment_state"][0, -1].copy()
        cube[0] += shift
        state[0] = np.nan if nan else state[0]
        stamp = self.now if stamp is None else stamp
        self.loop.buffer.push("joint_position", stamp, state)
        self.loop.buffer.push("cube_pose", stamp, cube)

    def step(self, steps=1, observe=True, **how):
        end = self.now + round(steps * STEP_NS)
        while observe and self.now + STEP_NS < end:  # sensors go on meanwhile
            self.now += STEP_NS
            self.observe()
        self.now = end
        if observe:
            self.observe(**how)
        asked = self.loop.poll()
        if not self.gated:
            assert self.loop.worker.wait_idle(10)
        return asked


@pytest.fixture
def rig(bundle):
    made = []

    def build(**options):
        made.append(Rig(bundle, **options))
        return made[-1]

    yield build
    for item in made:
        for _ in range(10):
            item.gate.release()
        assert item.loop.stop()


def test_a_chunk_per_execution_horizon_with_the_observations_stamp(rig):
    r = rig()
    asked = [r.step() for _ in range(17)]
    assert [k for k, yes in enumerate(asked) if yes] == [0, 8, 16]
    assert [plan.chunk.stamp_ns for plan, _ in r.plans] == [START + (k + 1) * STEP_NS for k in (0, 8, 16)]
    assert r.loop.poll_period_s == pytest.approx(0.16)


def test_timer_jitter_does_not_cost_a_period(rig):
    r = rig()
    assert r.step() and r.step(7.7) and not r.step(3) and r.step(4.8)


def test_the_measured_delay_goes_with_the_chunk_and_into_the_plan(rig):
    r = rig(warm_start=WarmStart(method="guided"))
    r.gated = True
    r.step()
    assert r.begun.acquire(timeout=10)
    r.now += 3 * STEP_NS
    r.gate.release()
    assert r.loop.worker.wait_idle(10)
    assert r.plans[0][1] == pytest.approx(0.06)
    assert r.loop.values()["last delay (ms)"] == "60.0"
    r.gated = False
    r.step(5)
    assert r.plans[1][0].frozen == 4 and r.plans[1][0].method == "guided"


def test_slow_inference_drops_the_older_request_and_never_blocks_the_caller(rig):
    r = rig()
    r.gated = True
    r.step()
    assert r.begun.acquire(timeout=10)
    assert r.step(8) and r.step(8) and r.step(8)
    assert r.loop.worker.replaced == 2 and r.loop.overruns == 3
    for _ in range(2):
        r.gate.release()
    assert r.loop.worker.wait_idle(10)
    assert [plan.chunk.stamp_ns for plan, _ in r.plans][-1] == r.now  # the newest view, not the one asked with
    assert r.loop.over_budget == 1
    assert r.loop.values()["requests replaced"] == "2"


def test_an_event_asks_at_once(rig):
    r = rig(chunking=Chunking(replan="on_event", event_fraction=0.1))
    assert r.loop.poll_period_s == pytest.approx(0.02)
    assert [r.step(), r.step(), r.step()] == [True, False, False]
    assert r.step(shift=0.5)


def test_remaining_steps_ask_early_enough_for_the_delay(rig):
    r = rig(chunking=Chunking(replan="on_remaining", remaining_steps=4))
    asked = [r.step() for _ in range(14)]
    assert [k for k, yes in enumerate(asked) if yes] == [0, 12]
    r.planner.delivered(0.04)
    asked = [r.step() for _ in range(11)]
    assert [k for k, yes in enumerate(asked) if yes] == [8]


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ({"observe": False}, "never received"),
        ({"nan": True}, "not finite"),
        ({"stamp": START + 10 * 10**9}, "in the future"),
        ({"stamp": START - 10 * 10**9}, "old, the limit"),
    ],
)
def test_a_bad_observation_is_silence_and_is_named(rig, how, cause):
    r = rig()
    r.step(**how)
    assert r.plans == [] and cause in r.refusals[0]
    assert cause in r.loop.values()["last refusal"] and r.loop.trouble() == "refusing observations"


def test_planning_resumes_when_the_observation_is_good_again(rig):
    r = rig()
    r.step(nan=True)
    r.step(8)
    assert len(r.plans) == 1 and r.loop.trouble() == ""


def test_the_same_observation_is_not_answered_twice(rig):
    r = rig()
    r.step()
    r.step(2, observe=False)
    r.now += 6 * STEP_NS - 10**8
    r.loop._asked_ns = None
    assert r.loop.poll() and r.loop.worker.wait_idle(10)
    assert len(r.plans) == 1 and "newer than the last plan" in r.refusals[0]


def test_a_clock_that_goes_back_starts_from_noise_again(rig):
    r = rig(warm_start=WarmStart(method="guided"))
    r.step()
    r.step(8)
    assert [plan.method for plan, _ in r.plans] == ["full", "guided"]
    r.now -= 4 * STEP_NS
    r.loop.buffer.reset()
    r.observe()
    assert r.loop.poll() and r.loop.worker.wait_idle(10)
    assert r.plans[-1][0].method == "full"
    assert r.loop.values()["not continued: the clock went back"] == "1"


def test_an_unexpected_error_is_reported_and_planning_goes_on(rig):
    r = rig()
    plan, r.planner.plan = r.planner.plan, lambda observation, budget_s: 1 / 0
    r.step()
    assert isinstance(r.errors[0], ZeroDivisionError) and "ZeroDivisionError" in r.loop.values()["last refusal"]
    r.planner.plan = plan
    r.step(8)
    assert len(r.plans) == 1


def test_inference_that_does_not_return_is_named(rig):
    r = rig()
    r.gated = True
    r.step()
    assert r.begun.acquire(timeout=10)
    r.loop.worker._busy_since -= STUCK_S + 1.0
    assert "has not returned" in r.loop.trouble()
    assert not r.loop.stop(timeout_s=0.0)


def test_a_delay_that_the_chunks_cannot_bridge_is_named(rig):
    r = rig()
    r.step()
    r.planner.delivered(0.3)
    assert r.loop.trouble() == "the delay is longer than the chunks allow"
    assert r.loop.values()["horizons fit the delay"] == "no"


def test_the_steps_follow_the_time_that_is_left(bundle):
    """Budget 50 ms; four steps cost 20 ms and two 10 ms, with a margin of a quarter: 25 and 12.5 ms."""
    rig = Rig(bundle, anytime=True)
    try:
        costs = rig.planner._costs["full"]
        for evaluations, seconds in ((4, 0.02), (2, 0.01)):
            costs.add(evaluations, seconds)
        for age_ms, evaluations in ((0, 4), (24, 4), (26, 2), (38, 2), (45, 2)):
            rig.loop.buffer.reset()
            rig.observe()
            seen = rig.now
            rig.now += age_ms * 1_000_000
            assert rig.loop.worker.submit(rig.now) and rig.loop.worker.wait_idle(10)
            plan, _ = rig.plans[-1]
            assert plan.chunk.stamp_ns == seen and plan.evaluations == evaluations, age_ms
            rig.now = seen + 10 * STEP_NS
    finally:
        rig.loop.stop()
