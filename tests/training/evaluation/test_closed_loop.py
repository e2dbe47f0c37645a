import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.inference.policy import PolicyOutput
from sim.tasks.pick_place.world import PickPlaceWorld
from training.evaluation.closed_loop import ClosedLoop


@pytest.fixture(scope="module")
def world():
    return PickPlaceWorld()


@pytest.fixture
def loop(bundle_path, world):
    return ClosedLoop(load_bundle(bundle_path), world)


def decide(loop, monkeypatch, chunk):
    """Let the policy answer ``chunk(observation)`` (H, A) instead of its network's."""

    def sample(values, rng=None, batch=1):
        rows = np.broadcast_to(chunk(values), (batch, 16, 8)).copy()
        return PolicyOutput(rows, np.zeros((batch, 8), np.float32), 0.001)

    monkeypatch.setattr(loop.session, "sample", sample)


def stay(values):
    return values["observation.state"][-1]


def test_a_policy_that_stays_times_out_where_it_was(loop, world, monkeypatch):
    decide(loop, monkeypatch, stay)
    world.reset(3)
    start = world.joint_state()[0].copy()
    episode = loop.run(3, max_seconds=0.5)
    assert (episode.outcome, episode.success, episode.steps) == ("timeout", False, 25)
    np.testing.assert_allclose(world.joint_state()[0], start, atol=0.02)


def test_the_policy_is_asked_once_per_execution_horizon(loop):
    episode = loop.run(3, max_seconds=1.6)
    assert loop.replan_ticks == 8
    before_enabling = (loop.safety.enable_clean_ticks + 2) // 8
    assert len(episode.inference_ms) == before_enabling + 10


def test_same_seed_same_episode(loop, world):
    ends = []
    for seed in (5, 5, 6):
        episode = loop.run(seed, max_seconds=0.6)
        ends.append(world.joint_state()[0].copy())
        assert episode.seed == seed
    np.testing.assert_array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])


def test_success_and_failure_end_the_episode(loop, world, monkeypatch):
    decide(loop, monkeypatch, stay)
    monkeypatch.setattr(world, "success", lambda: world.time > 0.5)
    episode = loop.run(1, max_seconds=2.0)
    assert (episode.success, episode.outcome) == (True, "success") and episode.steps < 30
    monkeypatch.setattr(world, "success", lambda: False)
    monkeypatch.setattr(world, "failed", lambda: True)
    episode = loop.run(1, max_seconds=2.0)
    assert (episode.success, episode.outcome, episode.steps) == (False, "failed", 1)


def test_the_governor_stops_a_policy_that_answers_nan(loop, monkeypatch):
    decide(loop, monkeypatch, lambda values: np.full((16, 8), np.nan))
    episode = loop.run(1, max_seconds=1.0)
    assert episode.outcome == "stopped" and episode.stopped_by


def test_the_governor_refuses_a_policy_that_starts_far_away(loop, monkeypatch):
    decide(loop, monkeypatch, lambda values: stay(values) + 0.7)
    episode = loop.run(1, max_seconds=1.0)
    assert (episode.outcome, episode.steps) == ("stopped", 0)
    assert "command_far_from_state" in episode.stopped_by


def test_commands_pass_the_governors_limits(loop, world, monkeypatch):
    """A policy that asks for a jump gets a ramp within the velocity limits."""
    decide(loop, monkeypatch, lambda values: stay(values) + 0.2)
    commands = []
    real = world.step
    monkeypatch.setattr(world, "step", lambda command: (commands.append(np.array(command)), real(command)))
    loop.run(1, max_seconds=0.5)
    limits = np.array([joint.velocity for joint in loop.safety.joints])
    speed = np.abs(np.diff(commands, axis=0)).max(0) / 0.02
    assert (speed[:7] <= limits[:7] * 1.001).all() and speed[:7].max() > 0.1


def test_samples_are_recorded_for_calibration(bundle_path, world):
    loop = ClosedLoop(load_bundle(bundle_path), world, record_samples=4)
    episode = loop.run(2, max_seconds=0.5)
    assert len(episode.calls) == 4  # at 0, 0.16, 0.32 and 0.48 s; none before it is enabled
    embedding, chunks = episode.calls[0]
    assert embedding.shape == (8,) and chunks.shape == (4, 16, 8) and chunks.dtype == np.float32
    assert np.ptp(chunks, axis=0).max() > 0


def test_frames_are_offered_every_tick(loop):
    times = []
    loop.run(2, max_seconds=0.2, frame=lambda world, t: times.append(round(t, 6)))
    assert times == [round(0.02 * k, 6) for k in range(1, 11)]
