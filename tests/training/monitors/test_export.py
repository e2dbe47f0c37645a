import numpy as np
import pytest
import torch
from torch import nn

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors import FiperMonitor, save_artefact
from policy_nodes.monitors.graph import MonitorGraph
from tests.training.monitors.synthetic import rollouts
from training.monitors import (
    CalibrationConfig,
    RandomNetworkDistillation,
    RNDArchitecture,
    RNDEnsemble,
    RNDTraining,
    bind_monitor,
    calibrate,
    export_monitor,
    position_function,
)

TINY = RNDArchitecture((16, 8), (16, 16, 16, 16, 8), standardise=True)


class Scale(nn.Module):
    """Positions that are not the chunk itself: half of it, shifted."""

    def forward(self, chunk):
        return 0.5 * chunk + 1.0


class Cosine(nn.Module):
    """Wrong on purpose in export: depends on the values seen while tracing."""

    def forward(self, chunk):
        return chunk + float(chunk.detach().abs().sum() > 0) if not torch.compiler.is_exporting() else chunk


@pytest.fixture
def inputs():
    rng = np.random.default_rng(0)
    return {"embeddings": rng.normal(size=(7, 5)), "chunks": rng.normal(size=(9, 4, 3))}


def test_graph_equals_torch_for_any_batch(tmp_path, inputs):
    rnd = RNDEnsemble(RandomNetworkDistillation(5, TINY, seed) for seed in (0, 1))
    for member in rnd.members:
        member.set_moments(torch.tensor(3 + 2 * inputs["embeddings"]))
    parity = export_monitor(rnd, Scale(), tmp_path / "monitor.onnx", **inputs)
    assert parity.samples == 7 and parity.error["rnd"] <= 1e-5 and parity.error["position"] <= 1e-5
    assert [p.name for p in tmp_path.iterdir()] == ["monitor.onnx"]  # weights inside, nothing beside it
    graph = MonitorGraph(tmp_path / "monitor.onnx")
    assert (graph.embedding_size, graph.horizon, graph.action_size) == (5, 4, 3)
    rng = np.random.default_rng(1)
    for calls, samples in ((1, 32), (3, 1), (1, 1)):
        embedding, chunk = (rng.normal(size=s).astype(np.float32) for s in ((calls, 5), (samples, 4, 3)))
        distance, position = graph.run(embedding, chunk)
        np.testing.assert_allclose(distance, rnd(torch.tensor(embedding)).detach().numpy(), rtol=1e-5)
        np.testing.assert_allclose(position, 0.5 * chunk + 1.0, rtol=1e-6)


def test_a_graph_that_differs_is_not_written(tmp_path, inputs):
    with pytest.raises(CalibrationError, match="'position' differs from torch by"):
        export_monitor(RandomNetworkDistillation(5, TINY), Cosine(), tmp_path / "monitor.onnx", **inputs)
    assert list(tmp_path.iterdir()) == []


def test_from_rollouts_to_a_running_monitor(tmp_path):
    """Calibrate, export, bind, save, open, and get the scores that calibration computed."""
    config = CalibrationConfig("a" * 64, quantile=0.8, architecture=TINY, training=RNDTraining(epochs=3))
    records = rollouts(10, seed=0, samples=8)
    rnd, artefact = calibrate(records, position_function(Scale()), config)
    flat = {"embeddings": records[0].embeddings, "chunks": records[0].chunks[0]}
    export_monitor(rnd, Scale(), tmp_path / "monitor.onnx", **flat)
    save_artefact(bind_monitor(artefact, tmp_path / "monitor.onnx"), tmp_path / "calibration.npz")
    monitor = FiperMonitor.open(tmp_path, artefact.identity)
    maxima = {"rnd": [], "entropy": []}
    for record in records:
        monitor.reset()
        alarms = [monitor.step(c, e, k) for k, (c, e) in enumerate(zip(record.chunks, record.embeddings, strict=True))]
        for name, values in maxima.items():
            values.append(max(alarm.scores[name] for alarm in alarms))
    for signal in artefact.signals:
        online = np.array(maxima[signal.name]) * signal.threshold
        calibrated = np.array(signal.maxima)
        # Every calibrated maximum is found again among the rollouts, and the threshold is one of them.
        assert all(np.isclose(online, value, rtol=1e-4).any() for value in calibrated)
