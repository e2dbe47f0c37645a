from dataclasses import replace

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.detector import first_alarm, normalised, raw_scores
from policy_nodes.monitors.distance import DistanceScore
from policy_nodes.monitors.entropy import EntropyScore
from policy_nodes.monitors.metrics import RolloutVerdict, detection_metrics
from tests.training.monitors.synthetic import rollouts
from training.monitors import CalibrationConfig, RNDArchitecture, RNDTraining, RolloutRecord, calibrate
from training.monitors.calibrate import rollout_features

TINY = RNDArchitecture((16, 8), (16, 16, 16, 16, 8), standardise=True)
QUICK = CalibrationConfig("a" * 64, quantile=0.8, architecture=TINY, training=RNDTraining(epochs=2))


def identity(chunks):
    return chunks


@pytest.fixture(scope="module")
def judged():
    """FIPER, ACE and RND on the same test rollouts: name -> metrics."""
    config = CalibrationConfig("a" * 64, quantile=0.95, training=RNDTraining(epochs=15))
    rnd, artefact = calibrate(rollouts(48, seed=0), identity, config)
    groups = [(True, False, 1), (True, True, 2), (False, False, 3), (False, True, 4)]
    test = [r for success, novel, seed in groups for r in rollouts(15, seed, success, novel)]
    windows = {s.name: s.window for s in artefact.signals}
    thresholds = {s.name: s.threshold for s in artefact.signals}
    scores = (DistanceScore(), EntropyScore(np.asarray(artefact.cell)))
    verdicts = {"rnd": [], "entropy": [], "combined": []}
    for record in test:
        z = normalised(raw_scores(scores, rollout_features(record, rnd, identity)), windows, thresholds)
        for name, found in verdicts.items():
            found.append(RolloutVerdict(record.success, len(record.chunks), first_alarm(z[name])))
    return {name: detection_metrics(found) for name, found in verdicts.items()}


def test_fiper_is_accurate(judged):
    assert judged["combined"].accuracy > 0.9 and judged["combined"].tpr > 0.9


def test_and_keeps_the_true_negatives(judged):
    assert judged["combined"].tnr >= judged["entropy"].tnr
    assert judged["combined"].tnr > judged["rnd"].tnr + 0.3  # RND alone flags benign novelty


def test_failures_are_seen_before_they_end(judged):
    # Failures begin at 35 % of the longest episode.
    assert 0.3 < judged["combined"].detection_time < 0.7
    assert judged["combined"].timestep_accuracy > 0.6


def test_split_is_disjoint_and_failures_never_enter_a_threshold():
    good, bad = rollouts(12, 0, samples=4), rollouts(3, 1, success=False, samples=4)
    _, clean = calibrate(good, identity, QUICK)
    _, mixed = calibrate([*bad, *good], identity, QUICK)
    assert (clean.n, clean.training_rollouts, clean.failed_rollouts, clean.disjoint) == (6, 6, 0, True)
    assert (mixed.n, mixed.training_rollouts, mixed.failed_rollouts) == (6, 6, 3)
    assert mixed.signals == clean.signals and mixed.cell == clean.cell
    _, trained = calibrate([*bad, *good], identity, replace(QUICK, train_on_failures=True))
    assert trained.training_rollouts == 9 and trained.n == 6 and trained.signals != clean.signals


def test_published_mode_judges_what_it_trained_on():
    _, artefact = calibrate(rollouts(8, 0, samples=4), identity, replace(QUICK, disjoint=False))
    assert (artefact.n, artefact.training_rollouts, artefact.disjoint) == (8, 8, False)


def test_artefact_records_what_the_thresholds_depend_on():
    good = rollouts(12, 0, samples=4)
    _, artefact = calibrate(good, identity, replace(QUICK, rnd_window=2, entropy_window=3))
    identity_now = artefact.identity
    assert (identity_now.samples, identity_now.horizon, identity_now.action_size) == (4, 16, 3)
    assert identity_now.embedding_size == 32 and identity_now.sha256 == "a" * 64 and artefact.monitor_sha256 is None
    assert {s.name: s.window for s in artefact.signals} == {"rnd": 2, "entropy": 3}
    assert {"keel", "numpy", "torch", "python"} == set(artefact.versions)
    artefact.check()


def test_cell_comes_from_the_range_of_predicted_positions():
    good = rollouts(12, 0, samples=4)
    _, artefact = calibrate(good, lambda chunks: chunks * np.array([10.0, 1.0, 0.0]), replace(QUICK, disjoint=False))
    points = np.concatenate([r.chunks.reshape(-1, 3) for r in good])
    extent = np.ptp(points, axis=0)
    np.testing.assert_allclose(artefact.cell, 0.03 * np.array([10 * extent[0], extent[1], 10 * extent[0]]), rtol=1e-5)


def test_calibration_is_deterministic():
    first, second = (calibrate(rollouts(12, 0, samples=4), identity, QUICK)[1] for _ in range(2))
    assert first.model_copy(update={"date": ""}) == second.model_copy(update={"date": ""})


@pytest.mark.parametrize(
    ("count", "config", "message"),
    [
        (6, QUICK, "6 successful rollouts leave 3.*needs 4.*at least 7"),
        (8, replace(QUICK, quantile=0.9), "leave 4 for calibration.*needs 9.*at least 17"),
        (8, replace(QUICK, train_fraction=0.75), "leave 2"),
        (8, replace(QUICK, train_fraction=1.0), "train fraction"),
        (3, replace(QUICK, disjoint=False), "3 successful rollouts cannot support q = 0.8.*at least 4"),
    ],
)
def test_too_few_rollouts_are_refused_before_training(count, config, message):
    records = [*rollouts(count, 0, samples=4), *rollouts(20, 1, success=False, samples=4)]
    with pytest.raises(CalibrationError, match=message):
        calibrate(records, identity, config, progress=lambda *_: pytest.fail("trained anyway"))


def broken(index, **changes):
    records = rollouts(8, 0, samples=4)
    records[index] = RolloutRecord(
        True, **{"embeddings": records[index].embeddings, "chunks": records[index].chunks, "name": "ep7", **changes}
    )
    return records


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "0 different"),
        (broken(2, embeddings=np.full((28, 32), np.nan), chunks=np.zeros((28, 4, 16, 3))), "ep7 contains NaN"),
        (broken(2, embeddings=np.zeros((3, 32))), "ep7 has embeddings \\(3, 32\\)"),
        (broken(2, embeddings=np.zeros((9, 32)), chunks=np.zeros((9, 5, 16, 3))), "2 different \\(B, H, A, E\\)"),
        (broken(2, embeddings=np.zeros((9, 31)), chunks=np.zeros((9, 4, 16, 3))), "2 different"),
        (broken(2, embeddings=np.zeros((0, 32)), chunks=np.zeros((0, 4, 16, 3))), "T >= 1"),
    ],
)
def test_bad_records_are_named(records, message):
    with pytest.raises(CalibrationError, match=message):
        calibrate(records, identity, QUICK)


def test_chunks_that_never_move_are_refused():
    with pytest.raises(CalibrationError, match="identical"):
        calibrate(rollouts(12, 0, samples=4), lambda chunks: np.zeros((*chunks.shape[:2], 3)), QUICK)
