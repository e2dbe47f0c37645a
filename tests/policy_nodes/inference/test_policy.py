import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError, ObservationError, ProviderError
from policy_nodes.inference.policy import PolicyOutputError, PolicySession
from tests.policy_nodes.bundle_fixture import ACTIONS, EMBEDDING, HORIZON, make_bundle, observation_arrays, reference


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_bundle(tmp_path_factory.mktemp("bundle")))


@pytest.fixture(scope="module")
def session(bundle):
    return PolicySession(bundle)


def split(count: int):
    arrays = observation_arrays(count, seed=5)
    noise = arrays.pop("noise")
    return arrays, noise


def test_one_call_equals_the_reference(session):
    arrays, noise = split(1)
    output = session.sample({name: value[0] for name, value in arrays.items()}, noise)
    expected = reference(arrays | {"noise": noise})
    assert output.chunk.dtype == np.float64
    np.testing.assert_allclose(output.chunk, expected["action"], atol=1e-6)
    np.testing.assert_allclose(output.embedding, expected["embedding"], atol=1e-6)
    assert output.seconds > 0


def test_one_observation_with_many_noises_and_many_observations_with_one(session):
    arrays, noise = split(5)
    one = {name: value[0] for name, value in arrays.items()}
    output = session.sample(one, noise)
    repeated = {name: np.repeat(value[:1], 5, axis=0) for name, value in arrays.items()}
    np.testing.assert_allclose(output.chunk, reference(repeated | {"noise": noise})["action"], atol=1e-6)
    output = session.sample(arrays, noise[:1])
    spread = np.repeat(noise[:1], 5, axis=0)
    np.testing.assert_allclose(output.chunk, reference(arrays | {"noise": spread})["action"], atol=1e-6)


def test_drawn_noise_is_reproducible_and_of_the_asked_batch(session):
    one = {name: value[0] for name, value in split(1)[0].items()}
    assert session.noise_shape == (HORIZON, ACTIONS)
    first = session.sample(one, rng=np.random.default_rng(3), batch=4)
    again = session.sample(one, rng=np.random.default_rng(3), batch=4)
    assert first.chunk.shape == (4, HORIZON, ACTIONS)
    assert first.embedding.shape == (4, EMBEDDING)
    np.testing.assert_array_equal(first.chunk, again.chunk)
    assert np.ptp(first.chunk, axis=0).min() > 0


def test_wrong_calls(session):
    arrays, noise = split(3)
    with pytest.raises(ValueError, match="give noise or rng"):
        session.sample(arrays)
    with pytest.raises(ValueError, match="disagree"):
        session.sample(arrays, noise[:2])
    with pytest.raises(ValueError, match="noise has shape"):
        session.sample(arrays, noise[:, :3])
    with pytest.raises(ObservationError, match=r"'observation\.state' is missing"):
        session.sample({}, noise)
    with pytest.raises(ObservationError, match="has shape"):
        session.sample(arrays | {"observation.state": np.zeros((2, 9))}, noise)


def test_what_is_not_finite_goes_neither_in_nor_out(session):
    arrays, noise = split(1)
    bad = arrays["observation.state"].copy()
    bad[0, 0, 0] = np.nan
    with pytest.raises(ObservationError, match=r"'observation\.state' holds a value that is not finite"):
        session.sample(arrays | {"observation.state": bad}, noise)
    with pytest.raises(PolicyOutputError, match="'action' is not finite"):
        session.sample(arrays, np.full_like(noise, np.inf))


def test_warm_up_proves_parity(session, tmp_path):
    assert session.warm_up() > 0
    assert session.warm_up(calls=2, batch=9) > 0
    wrong = PolicySession(load_bundle(make_bundle(tmp_path, files={"parity.npz": _other_parity()})))
    with pytest.raises(ProviderError, match="output 'action' is off by"):
        wrong.warm_up()


def _other_parity() -> bytes:
    from tests.policy_nodes.bundle_fixture import parity_bytes

    return parity_bytes(seed=1)


def test_a_graph_changed_after_verification_is_not_run(tmp_path):
    loaded = load_bundle(make_bundle(tmp_path))
    with loaded.file("policy.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(BundleError, match="changed after export"):
        PolicySession(loaded)


def test_a_graph_that_fails_at_run_time_is_named(session, monkeypatch):
    class Broken:
        def run(self, *args):
            raise RuntimeError("device lost")

    arrays, noise = split(1)
    monkeypatch.setattr(session, "session", Broken())
    with pytest.raises(PolicyOutputError, match="device lost"):
        session.sample(arrays, noise)
