import numpy as np
import onnxruntime
import pytest

from policy_nodes.errors import ProviderError
from policy_nodes.inference import providers
from policy_nodes.inference.providers import available, create_session, session_options
from tests.policy_nodes.bundle_fixture import observation_arrays, tiny_model


def model() -> bytes:
    return tiny_model().SerializeToString()


def test_cpu_from_bytes_and_from_a_path(tmp_path):
    (tmp_path / "m.onnx").write_bytes(model())
    feeds = observation_arrays(2)
    results = [create_session(source).run(["action"], feeds)[0] for source in (model(), tmp_path / "m.onnx")]
    np.testing.assert_array_equal(*results)
    assert "cpu" in available()


def test_options_for_a_control_loop():
    options = session_options(3)
    assert (options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level) == (3, 1, 3)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize(("provider", "threads", "said"), [("gpu", 1, "Unknown"), ("cpu", 0, "0 threads")])
def test_wrong_arguments(provider, threads, said):
    with pytest.raises(ProviderError, match=said) as caught:
        create_session(model(), provider, threads)
    assert caught.value.fix


def test_a_provider_that_is_not_built_in_names_the_package(monkeypatch):
    monkeypatch.setattr(providers.onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderError, match="'cuda' is not installed \\(there are: cpu") as caught:
        create_session(model(), "cuda")
    assert "keel[gpu]" in caught.value.fix


class SilentlyOnCpu(onnxruntime.InferenceSession):
    """What onnxruntime-gpu does without a GPU: lists CUDA, logs, and runs on the CPU (measured with 1.31.1)."""

    def __init__(self, source, options, providers):
        super().__init__(source, options, providers=["CPUExecutionProvider"])


def test_silent_fall_back_is_an_error(monkeypatch):
    monkeypatch.setattr(providers.onnxruntime, "get_available_providers", lambda: list(providers.PROVIDERS.values()))
    monkeypatch.setattr(providers.onnxruntime, "InferenceSession", SilentlyOnCpu)
    with pytest.raises(ProviderError, match=r"silently fell back to \['CPUExecutionProvider'\]"):
        create_session(model(), "cuda")


def test_a_graph_that_cannot_be_built():
    with pytest.raises(ProviderError, match="cannot build the graph on 'cpu'"):
        create_session(b"junk")
