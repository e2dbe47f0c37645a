import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError, ObservationError
from policy_nodes.inference.latency import measure_latency
from policy_nodes.inference.parity import exceeded, load_parity, max_abs_error
from policy_nodes.inference.policy import PolicySession
from tests.policy_nodes.bundle.resealing import replace_file
from tests.policy_nodes.bundle_fixture import make_bundle


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return PolicySession(load_bundle(make_bundle(tmp_path_factory.mktemp("bundle"), samples=5)))


def test_arrays_by_graph_name(session):
    inputs, outputs = load_parity(session.bundle)
    assert set(inputs) == {"observation.state", "observation.environment_state", "noise"}
    assert {name: value.shape for name, value in outputs.items()} == {"action": (5, 16, 8), "embedding": (5, 12)}


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_graph_agrees_with_numpy_at_any_batch(session, batch):
    errors = max_abs_error(session.session, *load_parity(session.bundle), batch=batch)
    assert set(errors) == {"action", "embedding"}
    assert max(errors.values()) < 1e-6


def test_one_wrong_element_in_the_last_sample_is_found_and_measured(session):
    inputs, outputs = load_parity(session.bundle)
    outputs["action"][4, 15, 7] += 0.25
    errors = max_abs_error(session.session, inputs, outputs, batch=2)
    assert errors["action"] == pytest.approx(0.25, abs=1e-5)
    assert exceeded(errors, 1e-5) == ["action"]


def test_what_is_not_finite_is_infinitely_wrong(session):
    inputs, outputs = load_parity(session.bundle)
    outputs["embedding"][0, 0] = np.nan
    errors = max_abs_error(session.session, inputs, outputs)
    assert exceeded(errors, 1e9) == ["embedding"]
    assert exceeded({"x": float("nan")}, 1.0) == ["x"]


def test_a_failing_graph_names_the_sample(session):
    inputs, outputs = load_parity(session.bundle)
    inputs["noise"] = inputs["noise"][:, :3]
    with pytest.raises(ObservationError, match="recorded input 0"):
        max_abs_error(session.session, inputs, outputs)


def test_latency_is_of_the_asked_number_of_calls(session):
    latency = measure_latency(session, calls=30, warm_up=2)
    assert latency.calls == 30
    assert 0 < latency.median_s <= latency.p99_s <= latency.max_s


def test_damaged_data_behind_sound_headers(tmp_path):
    path = make_bundle(tmp_path, samples=64)
    data = bytearray((path / "parity.npz").read_bytes())
    data[data.index(b"input/noise.npy") + 30_000] ^= 0xFF  # far inside the array, where no header is
    replace_file(path, "parity.npz", bytes(data))
    with pytest.raises(BundleError, match=r"'parity\.npz' cannot be unpacked"):
        load_parity(load_bundle(path))
