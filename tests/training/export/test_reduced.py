"""int8 and half precision of the tiny bundle, with an evaluator that asks for the recorded answers."""

import numpy as np
import onnx
import pytest

from policy_nodes.bundle.diff import Impact, compare
from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError
from policy_nodes.inference.parity import load_parity, max_abs_error
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.providers import create_session
from training.evaluation.gate import GateError
from training.export.quantize import to_int8
from training.export.reduced import reduced_bundle


@pytest.fixture(scope="module")
def bundle(bundle_path):
    return load_bundle(bundle_path)


def recorded(bundle, scale=1.0):
    inputs, _ = load_parity(bundle)
    samples = len(inputs["noise"])
    return [{name: scale * value[row : row + 1] for name, value in inputs.items()} for row in range(samples)]


def evaluator(bundle, allowed):
    """Success of a seed: the answer to a recorded observation is within ``allowed`` rad of PyTorch's."""
    inputs, outputs = load_parity(bundle)

    def evaluate(candidate, seeds):
        session, results = PolicySession(candidate), []
        for row in (seed % len(outputs["action"]) for seed in seeds):
            feeds = {name: value[row] for name, value in inputs.items() if name != "noise"}
            chunk = session.sample(feeds, inputs["noise"][row : row + 1]).chunk[0]
            results.append(bool(np.abs(chunk - outputs["action"][row]).max() <= allowed))
        return results

    return evaluate


@pytest.fixture(scope="module")
def close(bundle):
    """Three times the error of a well calibrated graph: beyond it is not rounding."""
    graph = to_int8(bundle.read("policy.onnx"), recorded(bundle))
    return 3 * max_abs_error(create_session(graph), *load_parity(bundle))["action"]


def test_int8_is_written_when_it_does_as_well(bundle, tmp_path, close):
    made, verdict = reduced_bundle(
        bundle, tmp_path / "int8.keel", "int8", evaluator(bundle, close), range(20), calibration=recorded(bundle)
    )
    assert verdict.accepted and sum(verdict.before) == 20
    model = onnx.load_from_string(made.read("policy.onnx"))
    made_by = {name: node for node in model.graph.node for name in node.output}
    products = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm")]
    types = {t.name: t.data_type for t in model.graph.initializer}
    restored = {name for name, node in made_by.items() if node.op_type == "DequantizeLinear"}
    integer = [node for node in products if restored.issuperset(node.input[:2])]
    assert len(integer) > 8
    for node in integer:  # int8 weights, and activations that were rounded to eight bits
        weight = made_by[node.input[1]]
        assert weight.op_type == "DequantizeLinear"
        assert types[weight.input[0]] in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    for node in products:  # what has weights is integer; products of two activations are not
        assert node in integer or types.get(node.input[1]) is None
    reduced = made.manifest.policy.reduced
    assert (reduced.precision, reduced.episodes, reduced.successes, reduced.source_successes) == ("int8", 20, 20, 20)
    assert reduced.source_digest == bundle.manifest.digest and reduced.calibration_samples == len(recorded(bundle))
    assert 0 < reduced.max_abs_error["action"] <= close
    PolicySession(made).warm_up()  # its proof is its own numbers
    assert made.manifest.parity.max_abs_error["action"] <= made.manifest.parity.tolerance
    found = {item.path: item.impact for item in compare(bundle, made)}
    assert next(impact for path, impact in found.items() if path.startswith("policy.reduced")) is Impact.MOTION


def test_a_ruined_calibration_is_refused_and_nothing_is_written(bundle, tmp_path, close):
    ruined = recorded(bundle, scale=1e-3)  # ranges a thousand times too small: activations saturate
    with pytest.raises(GateError, match=r"in int8 does worse in closed loop: success 20/20 before, "):
        reduced_bundle(bundle, tmp_path / "int8.keel", "int8", evaluator(bundle, close), range(20), calibration=ruined)
    assert list(tmp_path.iterdir()) == []


def test_half_precision_keeps_the_frameworks_answers_as_its_proof(bundle, tmp_path):
    made, verdict = reduced_bundle(bundle, tmp_path / "half.keel", "float16", evaluator(bundle, 0.01), range(5))
    assert verdict.accepted
    parity = made.manifest.parity
    assert 0 < parity.max_abs_error["action"] <= parity.tolerance <= 1e-2
    before, after = load_parity(bundle)[1], load_parity(made)[1]
    np.testing.assert_array_equal(before["action"], after["action"])
    PolicySession(made).warm_up()
    with pytest.raises(BundleError, match="is in float16 already"):
        reduced_bundle(made, tmp_path / "x.keel", "int8", evaluator(bundle, 1.0), range(5))


def test_int8_graph_is_closed_and_near_its_source(bundle):
    graph = to_int8(bundle.read("policy.onnx"), recorded(bundle))
    model = onnx.load_from_string(graph)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert {item.domain for item in model.opset_import} <= {"", "ai.onnx", "com.microsoft"}
