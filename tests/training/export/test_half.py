import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from policy_nodes.errors import BundleError
from training.export.half import end_nodes, to_half
from training.export.quantize import to_int8


def network(scale=1e5):
    """(x - offset) / scale, two products around a softmax, times scale: its ends need single precision."""
    rng = np.random.default_rng(0)
    constants = {
        "offset": np.full(4, 3 * scale, np.float32),
        "scale": np.array(scale, np.float32),
        "first": rng.standard_normal((4, 8)).astype(np.float32),
        "second": rng.standard_normal((8, 2)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Sub", ["x", "offset"], ["centred"]),
        helper.make_node("Div", ["centred", "scale"], ["normal"]),
        helper.make_node("MatMul", ["normal", "first"], ["hidden"]),
        helper.make_node("Softmax", ["hidden"], ["share"]),
        helper.make_node("Add", ["share", "hidden"], ["sum"]),
        helper.make_node("MatMul", ["sum", "second"], ["small"]),
        helper.make_node("Mul", ["small", "scale"], ["y"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "network",
        [value("x", TensorProto.FLOAT, ["n", 4])],
        [value("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def run(model, x):
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def test_ends_are_before_the_first_and_after_the_last_product():
    assert end_nodes(network().graph) == {0, 1, 6}


def test_weights_and_inner_operators_are_half_and_the_ends_single():
    half = onnx.load_from_string(to_half(network().SerializeToString()))
    types = {t.name: t.data_type for t in half.graph.initializer}
    assert types == {
        "offset": TensorProto.FLOAT, "scale": TensorProto.FLOAT,
        "first_half": TensorProto.FLOAT16, "second_half": TensorProto.FLOAT16,
    }  # fmt: skip
    assert [v.type.tensor_type.elem_type for v in (*half.graph.input, *half.graph.output)] == [TensorProto.FLOAT] * 2
    operators = [node.op_type for node in half.graph.node]
    # normal -> half, hidden -> single for the softmax, its answer -> half, small -> single for the scale
    assert operators == [
        "Sub", "Div", "Cast", "MatMul", "Cast", "Softmax", "Cast", "Add", "MatMul", "Cast", "Mul",
    ]  # fmt: skip


def test_quantities_beyond_half_precision_survive_at_the_ends():
    x = np.random.default_rng(1).uniform(2e5, 4e5, (16, 4)).astype(np.float32)  # half ends at 65504
    single, half = run(network().SerializeToString(), x), run(to_half(network().SerializeToString()), x)
    assert np.isfinite(half).all()
    np.testing.assert_allclose(half, single, atol=5e-3 * np.abs(single).max())
    assert np.abs(half - single).max() > 0  # and it really is another precision


@pytest.mark.parametrize("op_type", ["Identity", "Neg"])
def test_a_graph_without_products_is_left_in_single(op_type):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(op_type, ["x"], ["y"])], "g",
        [value("x", TensorProto.FLOAT, ["n", 4])], [value("y", TensorProto.FLOAT, ["n", 4])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    assert [node.op_type for node in onnx.load_from_string(to_half(model.SerializeToString())).graph.node] == [op_type]


def in_a_loop():
    """y = x W, then x_{k+1} = x_k W for each row of a table: a sampler, as a converted Diffusion policy has it."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Add", ["state", "row"], ["told"]),
            helper.make_node("MatMul", ["told", "weights"], ["next"]),
        ],
        "body",
        [value("state", TensorProto.FLOAT, ["n", 4]), value("row", TensorProto.FLOAT, [4])],
        [value("next", TensorProto.FLOAT, ["n", 4])],
    )
    nodes = [
        helper.make_node("MatMul", ["x", "weights"], ["first"]),
        helper.make_node("Scan", ["first", "table"], ["y"], name="sampler", body=body, num_scan_inputs=1),
    ]
    constants = {"weights": np.eye(4, dtype=np.float32), "table": np.ones((3, 4), np.float32)}
    graph = helper.make_graph(
        nodes,
        "loop",
        [value("x", TensorProto.FLOAT, ["n", 4])],
        [value("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.mark.parametrize("convert", [to_half, lambda graph: to_int8(graph, [{"x": np.zeros((1, 4), np.float32)}])])
def test_a_network_inside_a_loop_is_refused_rather_than_left_as_it_is(convert):
    model = in_a_loop()
    assert run(model.SerializeToString(), np.zeros((2, 4), np.float32)).tolist() == [[3.0] * 4] * 2  # a sound graph
    with pytest.raises(BundleError, match=r"inside operator 'Scan' \(sampler\)") as caught:
        convert(model.SerializeToString())
    assert "single precision" in caught.value.fix
