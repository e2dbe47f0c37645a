from types import SimpleNamespace

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.phases import CallBins
from tests.training.disturbances.toy import ToyWorld
from tests.training.monitors.synthetic import rollouts
from training.disturbances.cause import Cause, WeakActuator
from training.monitors.benchmark import record as module
from training.monitors.benchmark.record import StoredRollout, load_rollouts, record, save_rollouts, still_to_record
from training.monitors.benchmark.scoring import ScoringConfig, load_scores, save_scores, score_rollouts, trained_on
from training.monitors.rnd import RNDArchitecture
from training.monitors.train_rnd import RNDTraining


def stored(count, seed, success=True):
    return [
        StoredRollout("none" if success else "bad", i, success, 3, r.embeddings, r.chunks, np.zeros((len(r.chunks), 4)))
        for i, r in enumerate(rollouts(count, seed, success=success, samples=8))
    ]


class Session:
    def sample(self, values, rng=None, batch=1):
        return SimpleNamespace(embedding=np.ones((batch, 3), np.float32), chunk=np.zeros((batch, 4, 2)))


class Loop:
    """As much of ClosedLoop as the recorder uses; two calls per episode, none for seed 13."""

    replan_ticks, period_ns = 8, 20_000_000

    def __init__(self, bundle, world, record_samples):
        self.world, self.samples, self.session = world, record_samples, Session()

    def run(self, seed, seconds, frame, settle_s):
        assert settle_s == 0.5
        self.world.reset(seed)
        calls = []
        for tick in range(0 if seed == 13 else 2):
            values = {"a": np.full((2, 1), tick), "b": np.zeros((2, 2))}
            self.session.sample(values)
            batch = self.session.sample(values, batch=self.samples)
            calls.append((batch.embedding[0], batch.chunk.astype(np.float32)))
            frame(self.world, seconds)
        return SimpleNamespace(calls=calls, success=True, outcome="success")


def test_recording_keeps_what_scores_need(monkeypatch):
    monkeypatch.setattr(module, "ClosedLoop", Loop)
    seen = []
    contract = SimpleNamespace(make_world=ToyWorld, settle_s=0.5)
    found = record(None, contract, WeakActuator(1), [0, 13, 1], 5, 8.0, seen.append)
    assert [r.seed for r in found] == [0, 1] and seen == ["weak actuator: success"] * 2
    first = found[0]
    assert first.chunks.shape == (2, 5, 4, 2) and first.embeddings.shape == (2, 3) and first.success
    assert first.observations.tolist() == [[0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]]  # batched calls only
    assert 2 <= first.onset <= 8  # 0.3 to 1.2 s at one call per 0.16 s
    assert record(None, contract, Cause(), [0], 5, 8.0, seen.append)[0].onset == 0


def test_rollouts_survive_the_file(tmp_path):
    before = stored(2, 0) + stored(1, 1, success=False)
    save_rollouts(before, tmp_path / "rollouts.npz", {"samples": 8})
    after, info = load_rollouts(tmp_path / "rollouts.npz")
    assert info == {"samples": 8} and [p.name for p in tmp_path.iterdir()] == ["rollouts.npz"]
    for a, b in zip(before, after, strict=True):
        assert (a.cause, a.seed, a.success, a.onset) == (b.cause, b.seed, b.success, b.onset)
        np.testing.assert_array_equal(a.chunks, b.chunks)
    (tmp_path / "broken.npz").write_bytes(b"no")
    for name in ("broken.npz", "absent.npz"):
        with pytest.raises(CalibrationError, match="holds no rollouts"):
            load_rollouts(tmp_path / name)
        with pytest.raises(CalibrationError, match="holds no scores"):
            load_scores(tmp_path / name, {})


def test_a_recording_goes_on_after_its_last_seed():
    before = stored(3, 0)  # seeds 0, 1, 2
    kept, left = still_to_record(before, range(5))
    assert [r.seed for r in kept] == [0, 1, 2] and left == range(3, 5)
    kept, left = still_to_record(before, range(2))  # fewer are wanted than there are
    assert [r.seed for r in kept] == [0, 1] and not left
    assert still_to_record([], range(7, 9)) == ([], range(7, 9))
    # Seed 1 had no rollout; the later one shows that it was tried.
    assert not still_to_record([before[0], before[2]], range(3))[1]


def test_all_scores_of_a_failure_exceed_those_of_successes(tmp_path):
    tiny = RNDArchitecture((16, 8), (16, 16, 16, 16, 8), standardise=True)
    config = ScoringConfig(samples=8, architecture=tiny, training=RNDTraining(epochs=10))
    seen = []
    train, judged = stored(6, 0), stored(4, 1) + stored(2, 2, success=False)
    scored = score_rollouts(train, judged, lambda chunks: chunks, CallBins(edges=(5,)), config, seen.append)
    assert seen == ["none"] * 4 + ["bad"] * 2 and set(scored[0].scores) == set(config.names)
    assert scored[0].phases.tolist()[:6] == [0, 0, 0, 0, 0, 1] and scored[0].onset == 3
    # The synthetic failures spread the samples at every call alike: nothing that compares two calls must see them.
    for name in set(config.names) - {"stac", "stac_floor", "consistency"}:
        calm = max(r.scores[name].max() for r in scored[:4])
        assert min(r.scores[name].max() for r in scored[4:]) > calm, name
    save_scores(scored, tmp_path / "scores.npz", {"train": 6})
    again = load_scores(tmp_path / "scores.npz", {"train": 6})
    assert load_scores(tmp_path / "scores.npz", {"train": 7}) is None
    assert trained_on(tmp_path / "scores.npz") == 6 and len(load_scores(tmp_path / "scores.npz")) == 6
    for a, b in zip(scored, again, strict=True):
        assert (a.cause, a.success, a.onset) == (b.cause, b.success, b.onset)
        assert all(np.array_equal(a.scores[n], b.scores[n]) for n in config.names)
        np.testing.assert_array_equal(a.phases, b.phases)
