from dataclasses import replace

import numpy as np
import pytest
import torch

from policy_nodes.errors import CalibrationError
from training.monitors import PAPER_TRAINING, RNDArchitecture, RNDTraining, train_ensemble, train_rnd

TINY = RNDArchitecture((32, 32, 8), (32, 32, 32, 32, 8), standardise=True)
QUICK = RNDTraining(learning_rate=3e-3, epochs=40)
DATA = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32) @ np.eye(4, 6, dtype=np.float32)


def test_published_recipe():
    recipe = PAPER_TRAINING
    assert (recipe.learning_rate, recipe.epsilon, recipe.weight_decay) == (1e-4, 1e-8, 1e-5)
    assert (recipe.final_learning_rate, recipe.batch_size, recipe.epochs, recipe.patience) == (1e-6, 256, 250, 7)
    assert (recipe.validation_fraction, recipe.ratio_limit, recipe.ratio_after) == (0.1, 5.0, 20)


def test_learns_the_familiar_and_not_the_strange():
    model, history = train_rnd(DATA, TINY, QUICK)
    assert history.validation[history.best_epoch] < 0.3 * history.validation[0]
    fresh = np.random.default_rng(1).normal(size=(200, 4)).astype(np.float32) @ np.eye(4, 6, dtype=np.float32)
    strange = fresh.copy()
    strange[:, 4:] += 1.0  # directions that never moved in training
    with torch.no_grad():
        near, far = model(torch.tensor(fresh)), model(torch.tensor(strange))
    assert far.min() > near.max()


def test_same_seed_same_weights():
    models = [train_rnd(DATA, TINY, replace(QUICK, epochs=3), seed)[0] for seed in (0, 0, 1)]
    x = torch.ones(1, 6)
    assert torch.equal(models[0](x), models[1](x)) and not torch.equal(models[0](x), models[2](x))


def test_progress_reports_every_epoch_and_best_weights_are_kept():
    seen = []
    model, history = train_rnd(DATA, TINY, replace(QUICK, epochs=5), progress=lambda *values: seen.append(values))
    assert [s[0] for s in seen] == [1, 2, 3, 4, 5] and seen[0][1] == 5
    assert [s[2] for s in seen] == history.train and [s[3] for s in seen] == history.validation
    order = torch.randperm(400, generator=torch.Generator().manual_seed(0))[:40]
    with torch.no_grad():
        loss = float(model(torch.tensor(DATA)[order]).mean())
    assert loss == pytest.approx(min(history.validation), rel=1e-6)


def test_patience_stops_and_returns_to_the_best():
    _, history = train_rnd(DATA, TINY, replace(QUICK, learning_rate=0.3, final_learning_rate=0.3, patience=2))
    assert history.stopped == "patience" and len(history.validation) == history.best_epoch + 3


def test_ratio_stops_overfitting():
    few = np.random.default_rng(3).normal(size=(12, 6)).astype(np.float32)
    _, history = train_rnd(few, TINY, replace(QUICK, epochs=200, patience=200, ratio_after=5))
    assert history.stopped == "ratio" and history.validation[-1] > 5 * history.train[-1] and len(history.train) > 6


def test_ensemble_has_a_member_per_seed():
    ensemble, histories = train_ensemble(DATA, TINY, replace(QUICK, epochs=2), seeds=(0, 1, 2))
    assert len(ensemble.members) == len(histories) == 3


@pytest.mark.parametrize("data", [np.zeros((1, 4)), np.zeros(4), np.full((9, 4), np.nan)])
def test_bad_embeddings_are_refused(data):
    with pytest.raises(CalibrationError):
        train_rnd(data, TINY, QUICK)


def test_embeddings_that_never_move_still_give_finite_scores():
    model, _ = train_rnd(np.ones((50, 4)), TINY, replace(QUICK, epochs=30))
    with torch.no_grad():
        assert model(torch.full((1, 4), 2.0)) > 3 * model(torch.ones(1, 4))
