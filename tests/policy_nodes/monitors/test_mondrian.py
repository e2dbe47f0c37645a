import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.conformal import rank_threshold
from policy_nodes.monitors.detector import Detector, Signal
from policy_nodes.monitors.distance import DistanceScore
from policy_nodes.monitors.mondrian import mondrian_thresholds, phase_maxima, phase_quantile
from policy_nodes.monitors.phases import CallBins, PhaseSpec, ToolPhases
from policy_nodes.monitors.thresholds import BandThreshold, ConstantThreshold, PhaseThreshold
from tests.policy_nodes.monitors.calls import make_call


def test_the_budget_is_divided_among_the_phases():
    assert phase_quantile(0.9, 4) == pytest.approx(0.975) and phase_quantile(0.9, 4, "phase") == 0.9
    assert phase_quantile(0.9, 1) == pytest.approx(0.9)
    for q, phases in ((1.0, 2), (0.9, 0)):
        with pytest.raises(CalibrationError):
            phase_quantile(q, phases)


def test_maxima_by_hand():
    series = [np.array([1.0, 5.0, 2.0, 3.0]), np.array([4.0, 0.5])]
    maxima = phase_maxima(series, [np.array([0, 0, 2, 2]), np.array([0, 0])], 3)
    assert [m.tolist() for m in maxima] == [[5.0, 4.0], [], [3.0]]
    with pytest.raises(CalibrationError, match="rollout 0 has a NaN"):
        phase_maxima([np.array([np.nan])], [np.array([0])], 1)
    with pytest.raises(ValueError, match="of 2"):
        phase_maxima([np.array([1.0])], [np.array([2])], 2)


def test_every_phase_has_its_own_threshold_and_its_own_refusal():
    maxima = [np.arange(1.0, 40), np.arange(101.0, 140)]
    assert mondrian_thresholds(maxima, ("a", "b"), 0.9) == (38.0, 138.0)  # q = 0.95 each, rank 38 of 39
    assert mondrian_thresholds(maxima, ("a", "b"), 0.9, "phase") == (36.0, 136.0)
    with pytest.raises(CalibrationError, match=r"needs 19 successful rollouts for q = 0.95: 'b' has 18"):
        mondrian_thresholds([maxima[0], maxima[1][:18]], ("a", "b"), 0.9)
    mondrian_thresholds([maxima[0], maxima[1][:18]], ("a", "b"), 0.9, "phase")


def test_a_quiet_phase_is_watched_more_closely_than_by_one_constant():
    rng = np.random.default_rng(0)
    labels = [np.repeat([0, 1], 10) for _ in range(100)]
    series = [np.exp(0.2 * rng.normal(size=20)) * np.where(label == 0, 1.0, 10.0) for label in labels]
    constant = rank_threshold([s.max() for s in series], 0.9)
    quiet, loud = mondrian_thresholds(phase_maxima(series, labels, 2), ("quiet", "loud"), 0.9)
    assert quiet < constant / 5 and loud >= constant


def test_phases_of_calls():
    bins = CallBins(edges=(3, 7))
    assert [bins.of(i, make_call()) for i in (0, 2, 3, 6, 7, 99)] == [0, 0, 1, 1, 2, 2]
    assert bins.names == ("calls 0-2", "calls 3-6", "calls 7-")
    tool = ToolPhases(gripper=1, closed_below=0.03, low_below=0.06)

    def phase(opening, height):
        chunks, positions = np.zeros((4, 6, 2)), np.zeros((4, 6, 3))
        chunks[:, 0, 1], positions[:, 0, 2] = opening, height
        return tool.names[tool.of(0, make_call(chunks=chunks, positions=positions))]

    assert [phase(*x) for x in ((0.04, 0.3), (0.04, 0.02), (0.02, 0.02), (0.02, 0.09))] == list(tool.names)
    assert phase(np.nan, np.nan) == "open high"


def test_phase_specifications_are_validated():
    adapter = TypeAdapter(PhaseSpec)
    for spec in (CallBins(edges=(3,)), ToolPhases(gripper=7, closed_below=0.03, low_below=0.06)):
        assert adapter.validate_python(spec.model_dump()) == spec
    for bad in ({"kind": "calls", "edges": (5, 5)}, {"kind": "calls", "edges": ()}, {"kind": "clock"}):
        with pytest.raises(ValidationError):
            adapter.validate_python(bad)


def test_thresholds_by_call_and_phase():
    assert ConstantThreshold(2.0).at(5, 3) == 2.0
    assert [PhaseThreshold((1.0, 4.0)).at(0, k) for k in (0, 1)] == [1.0, 4.0]
    band = BandThreshold(np.array([3.0, -1.0, 2.0]))
    assert [band.at(t, 0) for t in (0, 2, 9)] == [3.0, 2.0, 2.0] and 0 < band.at(1, 0) < 1e-9
    for make in (
        lambda: ConstantThreshold(0.0),
        lambda: PhaseThreshold(()),
        lambda: PhaseThreshold((1.0, np.inf)),
        lambda: BandThreshold(np.array([])),
    ):
        with pytest.raises(CalibrationError):
            make()


def test_the_detector_looks_the_threshold_up_at_the_call():
    signal = Signal(DistanceScore(), 1, PhaseThreshold((1.0, 10.0)))
    detector = Detector([signal], phases=CallBins(edges=(2,)))
    assert [round(detector.step(make_call(distance=5.0))["rnd"], 3) for _ in range(4)] == [5.0, 5.0, 0.5, 0.5]
    detector.reset()
    assert round(detector.step(make_call(distance=5.0))["rnd"], 3) == 5.0
    with pytest.raises(CalibrationError, match="threshold of 'rnd' is nan"):
        Signal(DistanceScore(), 1, float("nan"))
