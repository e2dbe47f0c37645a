import sys

import numpy as np
import pytest

pytest.importorskip("openvino", reason='needs the openvino package: pip install "keel[openvino]"')

from policy_nodes.errors import ProviderError
from policy_nodes.inference import openvino_session
from policy_nodes.inference.openvino_session import OpenVinoSession
from policy_nodes.inference.providers import available, create_session
from tests.policy_nodes.bundle_fixture import HORIZON, tiny_model


def feeds(batch, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"observation.state": (2, 8), "observation.environment_state": (2, 3), "noise": (HORIZON, 8)}
    wanted = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim[1:]] for value in tiny_model().graph.input
    }
    assert set(wanted) == set(shapes)
    return {name: rng.standard_normal((batch, *shape)).astype(np.float32) for name, shape in wanted.items()}


@pytest.fixture(scope="module")
def session():
    return OpenVinoSession(tiny_model().SerializeToString(), 1)


def test_the_same_numbers_as_onnx_runtime_for_every_batch(session):
    cpu = create_session(tiny_model().SerializeToString())
    for batch in (1, 5, 1, 3):
        given = feeds(batch, batch)
        for ours, theirs in zip(session.run(None, given), cpu.run(None, given), strict=True):
            assert ours.shape == theirs.shape and ours.dtype == np.float32
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_outputs_are_named_and_are_copies(session):
    (embedding,) = session.run(["embedding"], feeds(1))
    kept = embedding.copy()
    session.run(["embedding"], feeds(1, seed=9))
    np.testing.assert_array_equal(embedding, kept)
    assert session.get_providers()[0].startswith("OpenVINO ")


def test_few_batch_sizes_stay_compiled(monkeypatch):
    monkeypatch.setattr(openvino_session, "MOST_SIZES", 2)
    small = OpenVinoSession(tiny_model().SerializeToString(), 1)
    for batch in (1, 2, 1, 3):
        small.run(None, feeds(batch))
    assert list(small._requests) == [1, 3]  # 2 was used longest ago


def test_the_provider_is_this_session_where_the_package_is():
    assert "openvino" in available()
    assert isinstance(create_session(tiny_model().SerializeToString(), "openvino"), OpenVinoSession)
    with pytest.raises(ProviderError, match="OpenVINO cannot build the graph") as caught:
        create_session(b"no graph", "openvino")
    assert "keel doctor" in caught.value.fix


def test_a_package_that_reports_is_left_to_those_who_use_it(monkeypatch):
    reporter = object()
    monkeypatch.setitem(sys.modules, "openvino_telemetry", reporter)
    openvino_session.load()
    assert sys.modules["openvino_telemetry"] is reporter
