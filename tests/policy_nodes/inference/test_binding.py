import numpy as np
import onnxruntime
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.inference.binding import BoundCalls
from policy_nodes.inference.parity import load_parity
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.provider_options import ProviderSettings
from policy_nodes.inference.providers import available, create_session
from tests.policy_nodes.bundle_fixture import make_bundle, observation_arrays, tiny_model

NO_GPU = "needs a GPU and onnxruntime-gpu; this onnxruntime has " + ", ".join(available())


def bound(**options):
    session = create_session(tiny_model().SerializeToString())
    shapes = {value.name: tuple(value.shape[1:]) for value in session.get_outputs()}
    return session, BoundCalls(session, list(shapes), shapes, "cpu"), list(shapes)


def test_bound_calls_answer_as_plain_ones_and_answers_are_copies():
    session, calls, names = bound()
    first, second = observation_arrays(2), {name: value + 0.5 for name, value in observation_arrays(2).items()}
    kept = calls(first)
    for feeds, answers in ((second, calls(second)), (first, kept)):
        for wanted, answer in zip(session.run(names, feeds), answers, strict=True):
            np.testing.assert_array_equal(answer, wanted)


def test_every_batch_size_has_its_own_binding():
    session, calls, names = bound()
    for batch in (1, 3, 1):
        feeds = {name: value[:batch] for name, value in observation_arrays(3).items()}
        np.testing.assert_array_equal(calls(feeds)[0], session.run(names, feeds)[0])
    assert sorted(calls._bound) == [1, 3]


@pytest.mark.skipif("CUDAExecutionProvider" not in onnxruntime.get_available_providers(), reason=NO_GPU)
@pytest.mark.parametrize("cuda_graph", [False, True])
def test_cuda_answers_as_the_framework(tmp_path, cuda_graph):
    bundle = load_bundle(make_bundle(tmp_path))
    session = PolicySession(bundle, "cuda", settings=ProviderSettings(cuda_graph=cuda_graph))
    session.warm_up()
    inputs, outputs = load_parity(bundle)
    noise = inputs.pop("noise")
    answer = session.sample({name: value[0] for name, value in inputs.items()}, noise[:1])
    np.testing.assert_allclose(answer.chunk[0], outputs["action"][0], atol=bundle.manifest.parity.tolerance)


@pytest.mark.skipif("TensorrtExecutionProvider" not in onnxruntime.get_available_providers(), reason=NO_GPU)
def test_tensorrt_builds_once_and_answers_as_the_framework(tmp_path):
    bundle, said = load_bundle(make_bundle(tmp_path)), []
    chosen = ProviderSettings(cache=tmp_path / "engines", notify=said.append)
    for _ in range(2):
        PolicySession(bundle, "tensorrt", settings=chosen).warm_up()
    assert sum("building" in text and "once" in text for text in said) == 1


@pytest.mark.skipif("openvino" not in available(), reason='needs pip install "keel[openvino]"')
def test_openvino_answers_as_the_framework(tmp_path):
    session = PolicySession(load_bundle(make_bundle(tmp_path)), "openvino")
    assert session.session.get_providers()[0].startswith("OpenVINO")
    session.warm_up()
