import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.artefact import SignalCalibration, load_artefact, save_artefact
from policy_nodes.monitors.detector import Detector
from policy_nodes.monitors.fitted import Fitted
from policy_nodes.monitors.mahalanobis import fit_mahalanobis
from policy_nodes.monitors.neighbours import fit_neighbours
from policy_nodes.monitors.registry import BUILDERS, detector_signals
from policy_nodes.monitors.thresholds import BandThreshold, PhaseThreshold
from tests.policy_nodes.monitors.calls import make_call
from tests.policy_nodes.monitors.test_artefact import make_artefact, rewrite

FLOOR = Fitted({"resolution": np.array([0.005])})
EMBEDDINGS = np.random.default_rng(0).normal(size=(40, 5))
FLOW = Fitted(
    {
        "mean": np.zeros(5),
        "std": np.ones(5),
        "weight_0": np.zeros((5, 5), np.float32),
        "bias_0": np.zeros(5, np.float32),
    }
)
REMAINING = {"weight_0": np.zeros((1, 5), np.float32), "bias_0": np.ones(1, np.float32), "longest": np.ones(1)}
FITTED = {
    "duration": Fitted({"mean": np.zeros(5), "std": np.ones(5), "done": np.ones(1), **REMAINING}),
    "mahalanobis": fit_mahalanobis(EMBEDDINGS),
    "knn": fit_neighbours(EMBEDDINGS),
    "logpzo": FLOW,
    "stac_floor": FLOOR,
}
MAXIMA = [float(v) for v in range(1, 11)]


def signal(name, **changes):
    fitted = FITTED.get(name, Fitted())
    return SignalCalibration(name=name, window=3, threshold=10.0, maxima=MAXIMA, **{"fitted": fitted, **changes})


def test_every_score_survives_the_file_and_runs(tmp_path):
    artefact = make_artefact(method="scores", signals=[signal(n) for n in BUILDERS], execution_horizon=1, step_s=0.02)
    save_artefact(artefact, tmp_path / "calibration.npz")
    loaded = load_artefact(tmp_path / "calibration.npz")
    assert loaded == artefact and loaded.signals[list(BUILDERS).index("knn")].fitted == FITTED["knn"]
    positions = np.zeros((4, 2, 3))
    calls = [make_call(e, positions=positions + k) for k, e in enumerate(EMBEDDINGS[:3])]
    before, after = Detector(detector_signals(artefact)), Detector(detector_signals(loaded))
    for call in calls:
        scores = after.step(call)
        assert scores == before.step(call) and set(scores) == {*BUILDERS, "combined"}
        assert all(np.isfinite(v) and v > 0 for v in scores.values())


def test_what_a_score_needs_is_asked_for():
    with pytest.raises(CalibrationError, match="no execution horizon"):
        detector_signals(make_artefact(signals=[signal("stac")]))
    with pytest.raises(CalibrationError, match="'mean' is missing"):
        detector_signals(make_artefact(signals=[signal("knn", fitted=Fitted())]))
    with pytest.raises(CalibrationError, match="unknown signal 'oracle'"):
        detector_signals(make_artefact(signals=[signal("oracle")]))


def test_a_fitted_array_of_another_policy_is_refused(tmp_path):
    save_artefact(make_artefact(signals=[signal("knn")]), tmp_path / "calibration.npz")

    def shrink(content):
        content["fitted_knn.store"] = content["fitted_knn.store"][:, :4]

    rewrite(tmp_path / "calibration.npz", shrink)
    with pytest.raises(CalibrationError, match="'store' is of shape"):
        detector_signals(load_artefact(tmp_path / "calibration.npz"))


def test_phase_thresholds_are_recomputed_from_the_file(tmp_path):
    limits = Fitted({"phase_0": np.arange(1.0, 20), "phase_1": np.arange(101.0, 120)})
    phases = {"kind": "calls", "edges": [4]}
    artefact = make_artefact(threshold_method="mondrian_rank", phases=phases, signals=[signal("rnd", limits=limits)])
    save_artefact(artefact, tmp_path / "calibration.npz")
    loaded = load_artefact(tmp_path / "calibration.npz")
    assert loaded == artefact and loaded.threshold_of(loaded.signals[0]) == PhaseThreshold((19.0, 119.0))
    rewrite(tmp_path / "calibration.npz", lambda content: content.pop("limits_rnd.phase_1"))
    with pytest.raises(CalibrationError, match="'phase_1' is missing"):
        load_artefact(tmp_path / "calibration.npz")
    short = Fitted({"phase_0": np.arange(1.0, 20), "phase_1": np.arange(5.0)})
    with pytest.raises(CalibrationError, match="'calls 4-' has 5"):
        make_artefact(threshold_method="mondrian_rank", phases=phases, signals=[signal("rnd", limits=short)]).check()


def test_a_band_is_an_option_and_pointwise_quantiles_are_not(tmp_path):
    limits = Fitted({"mean": np.array([1.0, 2.0]), "scale": np.array([1.0, 0.5]), "excess": np.arange(1.0, 11)})
    artefact = make_artefact(threshold_method="functional_band", signals=[signal("rnd", limits=limits)])
    save_artefact(artefact, tmp_path / "calibration.npz")
    band = load_artefact(tmp_path / "calibration.npz").threshold_of(artefact.signals[0])
    assert isinstance(band, BandThreshold) and band.values.tolist() == [11.0, 7.0]
    assert make_artefact().threshold_method == "constant_rank"
    for changes in ({"threshold_method": "pointwise_quantile"}, {"phases": {"kind": "calls", "edges": [4]}}):
        with pytest.raises(ValueError):
            make_artefact(**changes)
