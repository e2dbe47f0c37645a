import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.monitors.identity import policy_identity
from sim.tasks.pick_place.world import PickPlaceWorld
from training.commands import calibrate, evaluate
from training.commands.calibrate import Args
from training.disturbances.registry import disturbances
from training.evaluation.monitor import open_monitor
from training.monitors import choice
from training.monitors.benchmark.choose import candidates
from training.monitors.benchmark.record import StoredRollout, save_rollouts


@pytest.fixture
def easy_task(monkeypatch):
    """Half a second without accident counts as success: calibration needs successes, this policy has none."""
    monkeypatch.setattr(PickPlaceWorld, "success", lambda self: self.time > 0.6)


def test_calibrate_then_evaluate_with_the_monitor(bundle_copy, easy_task, tmp_path, capfd):
    capfd.readouterr()
    assert calibrate.run(Args(bundle_copy, episodes=6, samples=4, quantile=0.5, seconds=1.0)) == 0
    captured = capfd.readouterr()
    assert "6 of 6 rollouts succeeded; thresholds from 3 of them" in captured.out
    assert "monitor parity over" in captured.out and "MonitorParity(" not in captured.out
    assert all(line.startswith(("record rollouts:", "train RND:")) for line in captured.err.splitlines())
    bundle = load_bundle(bundle_copy)
    assert {"monitor.onnx", "calibration.npz"} <= set(bundle.manifest.files)
    monitor, samples = open_monitor(bundle)
    assert monitor is not None and samples == 4
    output = tmp_path / "evaluation"
    assert evaluate.run(evaluate.Args(bundle_copy, output, episodes=2, seed=500_000, seconds=1.0, react=True)) == 0
    with np.load(output / "scores.npz") as arrays:
        assert {"time_0", "mahalanobis_0", "stac_floor_0", "fiper_0", "fiper_1"} <= set(arrays.files)
        assert np.isfinite(arrays["fiper_0"]).all() and len(arrays["fiper_0"]) == len(arrays["time_0"]) > 1
    assert "failure alarms in" in capfd.readouterr().out


def test_other_scores_share_the_rate_under_or(bundle_copy, easy_task, capfd):
    args = Args(
        bundle_copy, episodes=8, samples=4, quantile=0.5, seconds=1.0, scores=("rnd", "stac_floor"), combination="or"
    )
    assert calibrate.run(args) == 0
    assert "(q = 0.75, OR)" in capfd.readouterr().out
    monitor, _ = open_monitor(load_bundle(bundle_copy))
    assert [(s.name, s.window) for s in monitor.artefact.signals] == [("rnd", 3), ("stac_floor", 3)]
    assert (monitor.artefact.combination, monitor.artefact.quantile) == ("or", 0.75)
    assert monitor.artefact.execution_horizon == 8 and monitor.artefact.step_s == pytest.approx(0.02)


def rollout_file(bundle, path, count=8, samples=4, **changes):
    """Random rollouts of the sizes of a bundle's policy; every other one failed."""
    rng, known = np.random.default_rng(0), policy_identity(bundle.manifest, samples)
    shape, size = (5, samples, known.horizon, known.action_size), known.embedding_size
    rows = [
        StoredRollout(changes.get("cause", "none"), seed, seed % 4 != 3, 0, e, c, np.zeros((5, 1), np.float32))
        for seed, e, c in (
            (k, rng.normal(size=(5, size)).astype(np.float32), rng.uniform(-0.5, 0.5, shape).astype(np.float32))
            for k in range(count)
        )
    ]
    digest = changes.get("policy_sha256", bundle.manifest.files["policy.onnx"])
    save_rollouts(rows, path, {"policy_sha256": digest, "samples": samples, "seconds": 1.0})
    return path


def test_stored_rollouts_calibrate_without_a_simulation(bundle_copy, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(calibrate, "ClosedLoop", None)  # nothing may be simulated
    path = rollout_file(load_bundle(bundle_copy), tmp_path / "none.npz")
    assert (
        calibrate.run(
            Args(bundle_copy, episodes=8, samples=4, quantile=0.5, scores=("mahalanobis", "stac_floor"), rollouts=path)
        )
        == 0
    )
    assert "6 of 8 rollouts succeeded; thresholds from 3 of them" in capfd.readouterr().out
    monitor, samples = open_monitor(load_bundle(bundle_copy))
    assert monitor.artefact.failed_rollouts == 2 and samples == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"policy_sha256": "0" * 64}, "recorded with policy_sha256 000"),
        ({"samples": 5}, "recorded with samples 5, not 4"),
        ({"cause": "cube displaced"}, "holds rollouts under 'cube displaced'"),
        ({"count": 7}, "holds 7 rollouts, not 8"),
    ],
)
def test_rollouts_that_are_not_clean_ones_of_this_policy_are_refused(bundle_copy, tmp_path, refused, changes, words):
    before = load_bundle(bundle_copy)
    path = rollout_file(before, tmp_path / "none.npz", **changes)
    options = ("--episodes", 8, "--samples", 4, "--quantile", 0.5, "--rollouts", path)
    assert words in refused("calibrate", bundle_copy, *options)[0]
    assert load_bundle(bundle_copy).manifest.digest == before.manifest.digest


def test_scores_are_chosen_by_the_failures_recorded_beside(bundle_copy, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(calibrate, "ClosedLoop", None)  # nothing may be simulated
    monkeypatch.setattr(choice, "candidates", lambda q: candidates(q, ("mahalanobis", "variance"), (2,), largest=2))
    bundle = load_bundle(bundle_copy)
    path = rollout_file(bundle, tmp_path / "none.npz", count=16)
    for cause in disturbances("panda_pick_place").make_causes():
        rollout_file(bundle, tmp_path / f"{cause.name.replace(' ', '_')}.npz", count=4, cause=cause.name)
    args = Args(bundle_copy, episodes=16, samples=4, quantile=0.5, rollouts=path, choose=4)
    assert calibrate.run(args) == 0
    out = capfd.readouterr().out
    assert "chosen by 28 disturbed rollouts, 7 of them failures, 6 clean ones" in out and "| candidate |" in out
    monitor, _ = open_monitor(load_bundle(bundle_copy))
    chosen = next(line for line in out.splitlines() if line.startswith("| ") and "window 2" in line)
    assert all(s.name in chosen and s.window == 2 for s in monitor.artefact.signals)
    combination = "or" if " OR " in chosen else "and"
    assert monitor.artefact.combination == combination
    assert monitor.artefact.quantile == (0.75 if combination == "or" else 0.5)


def test_failures_to_choose_by_must_be_there(bundle_copy, tmp_path, refused):
    bundle = load_bundle(bundle_copy)
    path = rollout_file(bundle, tmp_path / "none.npz", count=16)
    options = ("--episodes", 16, "--samples", 4, "--quantile", 0.5, "--rollouts", path, "--choose", 4)
    assert "cube_displaced.npz' holds no rollouts" in refused("calibrate", bundle_copy, *options)[0]
    rollout_file(bundle, tmp_path / "cube_displaced.npz", count=3, cause="cube displaced")
    assert "holds 3 rollouts, not 4" in refused("calibrate", bundle_copy, *options)[0]
    cause, fix = refused("calibrate", bundle_copy, "--choose", 4, "--episodes", 60)
    assert "19 successful ones are needed to choose by, 19 in each quarter" in cause and "--episodes 76" in fix


def test_the_promise_is_of_the_combined_alarm():
    assert calibrate.shared_quantile(0.95, 2, "and") == 0.95
    assert calibrate.shared_quantile(0.95, 2, "or") == pytest.approx(0.975)
    assert calibrate.shared_quantile(0.9, 4, "or") == pytest.approx(0.975)


def test_or_needs_more_episodes_and_scores_must_be_known(bundle_path, refused, monkeypatch):
    monkeypatch.setattr(calibrate, "ClosedLoop", None)  # nothing may be simulated
    cause, fix = refused("calibrate", bundle_path, "--episodes", 60, "--combination", "or")
    assert "60 episodes cannot support" in cause and "--episodes 78" in fix
    for scores in (("rnd", "rnd"), ("rnd", "luck")):
        cause, fix = refused("calibrate", bundle_path, "--scores", *scores)
        assert "--scores rnd" in cause and "stac_floor" in fix


def test_too_few_successes_leave_the_bundle_as_it_was(bundle_copy, refused):
    before = load_bundle(bundle_copy).manifest.digest
    cause, fix = refused(
        "calibrate", bundle_copy, "--episodes", 2, "--quantile", 0.5, "--seconds", 0.3, "--samples", 2
    )  # fmt: skip
    assert "0 successful rollouts" in cause and "record at least 2" in fix
    assert load_bundle(bundle_copy).manifest.digest == before


def test_too_few_episodes_for_the_quantile_are_refused_at_once(bundle_path, refused, monkeypatch):
    monkeypatch.setattr(calibrate, "ClosedLoop", None)  # nothing may be simulated
    cause, fix = refused("calibrate", bundle_path, "--episodes", 20)
    assert "20 episodes cannot support --quantile 0.95" in cause and "--episodes 38" in fix
    assert "98" in refused("calibrate", bundle_path, "--episodes", 30, "--quantile", 0.98)[1]


@pytest.mark.parametrize(
    ("option", "value"), [("--episodes", 0), ("--samples", 0), ("--window", 0), ("--seconds", 0), ("--quantile", 1.0)]
)
def test_impossible_options(bundle_path, refused, option, value):
    cause, _ = refused("calibrate", bundle_path, option, value)
    assert option.removeprefix("--") in cause


def test_a_broken_bundle(tmp_path, refused):
    (tmp_path / "x.keel").mkdir()
    assert "manifest.json" in refused("calibrate", tmp_path / "x.keel")[0]
