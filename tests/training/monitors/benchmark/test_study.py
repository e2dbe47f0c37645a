from dataclasses import replace

import numpy as np
import pytest

from tests.training.monitors.benchmark.test_compare import rollout
from training.contracts.registry import task_contract
from training.monitors.benchmark import study as module
from training.monitors.benchmark.compare import Method
from training.monitors.benchmark.record import StoredRollout
from training.monitors.benchmark.study import CALIBRATION, encoder_features, measure, study


@pytest.fixture(scope="module")
def contract():
    return task_contract("panda_pick_place")


def test_measure_separates_false_alarms_from_prompt_detection():
    rng = np.random.default_rng(0)
    clean = [rollout(rng) for _ in range(CALIBRATION + 40)]
    displaced = [rollout(rng, "cube displaced", False, 5.0) for _ in range(6)] + [
        rollout(rng, "cube displaced", False)
    ] * 2
    (row,) = measure("x", clean + displaced, [Method("m", (("rnd", 1),), 0.9)], 6, sets=20)
    assert row.label == "x" and row.method == "m"
    assert 0.02 < row.false_alarms < 0.2 and 0.75 <= row.prompt < 0.95 and row.worst <= row.prompt


def test_features_are_those_of_the_contracts_encoder(contract):
    names = [feature.name for feature in contract.observations]
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3, sum(f.history * f.size for f in contract.observations))).astype(np.float32)
    stored = StoredRollout("none", 0, True, 0, np.zeros((3, 5), np.float32), np.zeros((3, 1, 2, 8), np.float32), rows)
    features = encoder_features(contract)(stored)
    assert features.shape == (3, contract.make_encoder().size) and names[0] == "observation.state"
    np.testing.assert_allclose(features[:, :8], rows[:, :8], rtol=1e-6)  # joint positions of the older step come first
    moved = replace(stored, observations=rows + np.eye(1, rows.shape[1], 16, dtype=np.float32))  # the cube's x
    assert (encoder_features(contract)(moved) != features).any(axis=1).all()


def test_the_study_tries_only_recorded_sample_counts(contract, monkeypatch):
    calls = []

    def fake_scores(train, judged, position, phases, config):
        calls.append((len(train), config.samples, config.names, config.seeds, train[0].embeddings.shape[1]))
        rng = np.random.default_rng(0)
        return [rollout(rng, r.cause, r.success, 5.0 if r.cause != "none" else 1.0) for r in judged]

    monkeypatch.setattr(module, "score_rollouts", fake_scores)
    size = sum(f.history * f.size for f in contract.observations)

    def stored(cause):
        arrays = np.zeros((4, 5), np.float32), np.zeros((4, 16, 16, 8), np.float32), np.zeros((4, size), np.float32)
        return StoredRollout(cause, 0, cause == "none", 0, *arrays)

    text = study([stored("none")] * 150, [stored("none")] * 80 + [stored("cube displaced")] * 4, contract, None, 6)
    assert [c[1] for c in calls[:2]] == [8, 16] and len(calls) == 9
    assert [c[0] for c in calls[2:6]] == [12, 25, 50, 150] and len(calls[6][3]) == 5
    assert calls[8][4] == contract.make_encoder().size != 5
    assert len(text.splitlines()) == 2 + 2 * 4 + 7 and "B = 32" not in text
