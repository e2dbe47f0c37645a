import numpy as np
import pytest

from training.export.graph import ACTION, EMBEDDING, NOISE
from training.export.parity import graph_errors, record_parity, reference_outputs
from training.imitation.build import build_sampler, load_policy


@pytest.fixture(scope="module")
def trained(training_path):
    return load_policy(training_path)


def test_recorded_inputs_are_training_windows_spread_over_the_dataset(trained, dataset):
    inputs, outputs = record_parity(trained, dataset, 7)
    frames = build_sampler(dataset, trained.contract, trained.train).frames("train")
    ends = dataset["observation.state"][frames[[0, -1]]]
    np.testing.assert_array_equal(inputs["observation.state"][[0, -1], -1], ends)
    assert inputs[NOISE].shape == (7, 16, 8) and {a.dtype.name for a in inputs.values()} == {"float32"}
    again, _ = record_parity(trained, dataset, 7)
    assert all(np.array_equal(inputs[name], again[name]) for name in inputs)
    assert outputs[ACTION].shape == (7, 16, 8) and outputs[EMBEDDING].shape == (7, 8)


def test_errors_are_the_largest_differences(trained, dataset, bundle_path):
    graph = (bundle_path / "policy.onnx").read_bytes()
    inputs, _ = record_parity(trained, dataset, 4)
    outputs = reference_outputs(trained.policy, inputs)
    assert max(graph_errors(graph, inputs, outputs).values()) <= 1e-5
    outputs[ACTION][2, 3, 4] += 0.5
    errors = graph_errors(graph, inputs, outputs)
    assert errors[ACTION] == pytest.approx(0.5, abs=1e-4) and errors[EMBEDDING] <= 1e-5
    outputs[EMBEDDING][0, 0] = np.nan
    assert np.isnan(graph_errors(graph, inputs, outputs)[EMBEDDING])
