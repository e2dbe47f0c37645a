import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from policy_nodes.errors import BundleError, CalibrationError
from policy_nodes.monitors import FiperMonitor, PolicyIdentity, SignalCalibration, save_artefact
from policy_nodes.monitors.graph import MonitorGraph
from tests.policy_nodes.monitors.test_artefact import make_artefact

POLICY = PolicyIdentity("a" * 64, 4, 2, 3, 5)
CALM = np.zeros((4, 2, 3))
SPREAD = np.arange(4.0)[:, None, None] * np.ones((4, 2, 3))
FAMILIAR, STRANGE = np.zeros(5), np.full(5, 10.0)


def write_graph(path, embedding=5, horizon=2, action=3, outputs=("rnd", "position")):
    """rnd is the norm of the embedding, position the chunk itself."""
    floats = TensorProto.FLOAT
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [1])
    graph = helper.make_graph(
        [
            helper.make_node("ReduceL2", ["embedding", "axis"], [outputs[0]], keepdims=0),
            helper.make_node("Identity", ["chunk"], [outputs[1]]),
        ],
        "monitor",
        [
            helper.make_tensor_value_info("embedding", floats, ["n", embedding]),
            helper.make_tensor_value_info("chunk", floats, ["m", horizon, action]),
        ],
        [
            helper.make_tensor_value_info(outputs[0], floats, ["n"]),
            helper.make_tensor_value_info(outputs[1], floats, ["m", horizon, action]),
        ],
        [axis],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))


@pytest.fixture
def bundle(tmp_path):
    write_graph(tmp_path / "monitor.onnx")
    digest = hashlib.sha256((tmp_path / "monitor.onnx").read_bytes()).hexdigest()
    signals = [
        SignalCalibration(name="rnd", window=2, threshold=10.0, maxima=[float(v) for v in range(1, 11)]),
        SignalCalibration(name="entropy", window=1, threshold=1.0, maxima=[v / 10 for v in range(1, 11)]),
    ]
    save_artefact(make_artefact(monitor_sha256=digest, signals=signals), tmp_path / "calibration.npz")
    return tmp_path


@pytest.fixture
def monitor(bundle):
    return FiperMonitor.open(bundle, POLICY)


@pytest.mark.parametrize(
    ("chunks", "embedding", "active"),
    [(CALM, FAMILIAR, False), (SPREAD, FAMILIAR, False), (CALM, STRANGE, False), (SPREAD, STRANGE, True)],
)
def test_alarm_needs_a_strange_observation_and_disagreeing_chunks(monitor, chunks, embedding, active):
    alarm = monitor.step(chunks, embedding, 7)
    assert alarm.active is active and alarm.stamp_ns == 7 and set(alarm.scores) == {"rnd", "entropy", "combined"}


def test_scores_by_hand_and_reset(monitor):
    first = monitor.step(SPREAD, STRANGE, 0).scores
    assert first["rnd"] == pytest.approx(np.sqrt(500) / 10, rel=1e-5)
    assert first["entropy"] == pytest.approx(2.0, rel=1e-5)  # four samples in four cells: 2 bits
    assert first["combined"] == first["entropy"]
    assert monitor.step(SPREAD, FAMILIAR, 1).scores["rnd"] == pytest.approx(
        first["rnd"], rel=1e-5
    )  # still in the window
    assert monitor.step(SPREAD, FAMILIAR, 2).scores["rnd"] < 1e-5
    monitor.step(SPREAD, STRANGE, 3)
    monitor.reset()
    assert monitor.step(SPREAD, FAMILIAR, 4).scores["rnd"] < 1e-5


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("where", ["embedding", "chunk"])
def test_what_is_not_finite_is_an_alarm_until_it_leaves_the_window(monitor, value, where):
    chunks, embedding = CALM.copy(), FAMILIAR.copy()
    if where == "embedding":
        embedding[3] = value
    else:
        chunks[1, 1, 1] = value
    alarm = monitor.step(chunks, embedding, 0)
    assert alarm.active and alarm.scores["combined"] == np.inf
    after = monitor.step(SPREAD, FAMILIAR, 1)
    assert after.active and after.scores["rnd"] == np.inf  # window 2 still holds it
    assert not monitor.step(SPREAD, FAMILIAR, 2).active


def test_inputs_of_another_shape_are_refused(monitor):
    for chunks, embedding in (
        (CALM[:3], FAMILIAR),
        (CALM[:, :1], FAMILIAR),
        (CALM, FAMILIAR[:4]),
        (CALM, FAMILIAR[None]),
    ):
        with pytest.raises(CalibrationError, match="calibrated for"):
            monitor.step(chunks, embedding, 0)


@pytest.mark.parametrize(
    "policy",
    [
        PolicyIdentity("b" * 64, 4, 2, 3, 5),
        PolicyIdentity("a" * 64, 8, 2, 3, 5),
        PolicyIdentity("a" * 64, 4, 4, 3, 5),
        PolicyIdentity("a" * 64, 4, 2, 7, 5),
        PolicyIdentity("a" * 64, 4, 2, 3, 6),
    ],
)
def test_another_policy_or_sampling_is_refused(bundle, policy):
    with pytest.raises(CalibrationError, match="another policy"):
        FiperMonitor.open(bundle, policy)


def test_thresholds_and_networks_belong_together(bundle):
    write_graph(bundle / "monitor.onnx", outputs=("rnd", "position"))
    model = onnx.load(str(bundle / "monitor.onnx"))
    model.producer_name = "someone else"
    onnx.save(model, str(bundle / "monitor.onnx"))
    with pytest.raises(BundleError, match="not the graph that was calibrated"):
        FiperMonitor.open(bundle, POLICY)


def test_an_artefact_without_a_graph_hash_is_refused(bundle):
    save_artefact(make_artefact(), bundle / "calibration.npz")
    with pytest.raises(BundleError, match="not the graph"):
        FiperMonitor.open(bundle, POLICY)


def test_graph_of_other_sizes_than_the_artefact_is_refused(bundle):
    write_graph(bundle / "other.onnx", horizon=3)
    with pytest.raises(BundleError, match=r"\(5, 3, 3\)"):
        FiperMonitor(MonitorGraph(bundle / "other.onnx"), make_artefact(), POLICY)


def test_unknown_signals_are_refused(bundle):
    signal = SignalCalibration(name="oracle", window=1, threshold=10.0, maxima=[float(v) for v in range(1, 11)])
    with pytest.raises(CalibrationError, match="unknown signal 'oracle'"):
        FiperMonitor(MonitorGraph(bundle / "monitor.onnx"), make_artefact(signals=[signal]), POLICY)


def test_bad_graphs_are_refused(bundle):
    path = bundle / "monitor.onnx"
    write_graph(path, outputs=("distance", "position"))
    with pytest.raises(BundleError, match=r"expected embedding \(N, E\)"):
        MonitorGraph(path)
    path.write_bytes(b"not a graph")
    with pytest.raises(BundleError, match="not a usable ONNX graph"):
        MonitorGraph(path)
    path.unlink()
    with pytest.raises(BundleError, match="does not exist"):
        MonitorGraph(path)


def test_stamps_tell_a_missed_call_from_a_changed_mind(bundle):
    """Chunks of a plan that moves 1 m per step of 0.1 s; one call is lost, and the plan stays the same."""
    write_graph(bundle / "long.onnx", horizon=6)
    maxima = [v / 100 for v in range(1, 11)]
    signals = [SignalCalibration(name="stac", window=1, threshold=0.1, maxima=maxima)]
    steps = np.arange(6.0)[None, :, None] + np.arange(4.0)[:, None, None] * np.array([0.1, 0.0, 0.0])
    for step_s, active in ((0.1, False), (None, True)):
        artefact = make_artefact(horizon=6, signals=signals, method="scores", execution_horizon=2, step_s=step_s)
        monitor = FiperMonitor(MonitorGraph(bundle / "long.onnx"), artefact, PolicyIdentity("a" * 64, 4, 6, 3, 5))
        assert not monitor.step(steps, FAMILIAR, 0).active
        assert not monitor.step(steps + 2, FAMILIAR, 200_000_000).active
        assert monitor.step(steps + 6, FAMILIAR, 600_000_000).active is active  # four steps later, not two
        monitor.reset()
        assert not monitor.step(steps + 50, FAMILIAR, 700_000_000).active


def test_a_plan_that_waits_for_a_stopped_robot_is_no_changed_mind(bundle):
    """The same chunk again and again: further on it would be a jump back, from rest it is the same plan."""
    write_graph(bundle / "long.onnx", horizon=6)
    signals = [SignalCalibration(name="stac", window=1, threshold=0.1, maxima=[v / 100 for v in range(1, 11)])]
    artefact = make_artefact(horizon=6, signals=signals, method="scores", execution_horizon=2, step_s=0.1)
    monitor = FiperMonitor(MonitorGraph(bundle / "long.onnx"), artefact, PolicyIdentity("a" * 64, 4, 6, 3, 5))
    steps = np.arange(6.0)[None, :, None] + np.arange(4.0)[:, None, None] * np.array([0.1, 0.0, 0.0])
    period = 200_000_000
    assert not monitor.step(steps, FAMILIAR, 0).active
    assert monitor.step(steps, FAMILIAR, period).active  # it should have been two steps further
    for call in range(2, 5):
        assert not monitor.step(steps, FAMILIAR, call * period, driving=False).active
    assert monitor.step(steps + 9, FAMILIAR, 5 * period, driving=False).active  # another plan, though nothing moved
    assert not monitor.step(steps + 11, FAMILIAR, 6 * period).active  # driving again: two steps after the last call
