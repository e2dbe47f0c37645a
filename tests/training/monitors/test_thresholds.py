from dataclasses import replace

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors import FiperMonitor, load_artefact, save_artefact
from policy_nodes.monitors.phases import CallBins
from policy_nodes.monitors.registry import BUILDERS
from tests.training.monitors.synthetic import rollouts
from tests.training.monitors.test_calibrate import QUICK, identity
from tests.training.monitors.test_export import Scale
from training.monitors import bind_monitor, calibrate, export_monitor
from training.monitors.fit import fit_score
from training.monitors.thresholds import threshold_limits

GOOD = rollouts(24, seed=0, samples=8)


def test_every_score_can_be_calibrated_saved_and_run(tmp_path):
    config = replace(QUICK, scores=tuple(BUILDERS), execution_horizon=8, step_s=0.02, windows={"knn": 2})
    rnd, artefact = calibrate(GOOD, identity, config)
    windows = {s.name: s.window for s in artefact.signals}
    assert artefact.method == "scores" and windows["knn"] == 2 and windows["entropy"] == 5 and windows["stac"] > 1000
    flat = {"embeddings": GOOD[0].embeddings, "chunks": GOOD[0].chunks[0]}
    export_monitor(rnd, Scale(), tmp_path / "monitor.onnx", **flat)
    save_artefact(bind_monitor(artefact, tmp_path / "monitor.onnx"), tmp_path / "calibration.npz")
    monitor = FiperMonitor.open(tmp_path, artefact.identity)
    alarm = monitor.step(GOOD[0].chunks[0], GOOD[0].embeddings[0], 0)
    assert set(alarm.scores) == {*BUILDERS, "combined"} and np.isfinite(list(alarm.scores.values())).all()
    far = monitor.step(GOOD[0].chunks[1], 50.0 * np.ones(32), 160_000_000)
    assert min(far.scores[name] for name in ("rnd", "mahalanobis", "logpzo")) > 1.0


@pytest.mark.parametrize(
    "changes",
    [{"threshold_method": "mondrian_rank", "phases": CallBins(edges=(10,))}, {"threshold_method": "functional_band"}],
)
def test_other_thresholds_are_options_that_survive_the_file(tmp_path, changes):
    _, artefact = calibrate(GOOD, identity, replace(QUICK, **changes))
    save_artefact(artefact, tmp_path / "calibration.npz")
    assert load_artefact(tmp_path / "calibration.npz") == artefact
    assert QUICK.threshold_method == "constant_rank"
    for signal in artefact.signals:
        constant, other = signal.threshold, artefact.threshold_of(signal)
        values = [other.at(call, phase) for call, phase in ((0, 0), (30, 1))]
        assert all(0 < v < 5 * constant for v in values) and values[0] != values[1]


def test_phases_and_bands_refuse_by_themselves():
    series = [np.ones(12) + i for i in range(8)]
    labels = [np.repeat([0, 1], 6) for _ in series]
    labels[3:] = [np.zeros(12, dtype=int) for _ in series[3:]]
    with pytest.raises(CalibrationError, match="'late' has 3"):
        threshold_limits("mondrian_rank", series, 0.8, labels, ("early", "late"), "phase")
    with pytest.raises(CalibrationError, match="need a phase function"):
        threshold_limits("mondrian_rank", series, 0.8)
    with pytest.raises(CalibrationError, match=r"4 successful calibration rollouts cannot support q = 0\.9"):
        threshold_limits("functional_band", series, 0.9)  # eight, but only four of them calibrate
    with pytest.raises(CalibrationError, match="cannot make a band"):
        threshold_limits("functional_band", series[:2], 0.5)
    assert not threshold_limits("constant_rank", series, 0.8).arrays
    assert not fit_score("variance", np.zeros((0, 0)), []).arrays


def test_missing_needs_are_named():
    with pytest.raises(CalibrationError, match="no execution horizon"):
        calibrate(GOOD, identity, replace(QUICK, scores=("stac",)))
    with pytest.raises(CalibrationError, match="unknown signal 'oracle'"):
        calibrate(GOOD, identity, replace(QUICK, scores=("oracle",)))
