import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from policy_nodes.bundle.onnx_graph import BITS, GraphError, TensorInfo, inspect_onnx
from tests.policy_nodes.bundle_fixture import ACTIONS, EMBEDDING, HORIZON, tiny_model, weights


def model(nodes, initializers=(), opsets=(("", 17),), **kwargs) -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
    graph = helper.make_graph(nodes, "g", [x], [y], list(initializers))
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets]
    return helper.make_model(graph, opset_imports=imports, ir_version=9, **kwargs).SerializeToString()


def identity(*extra) -> list:
    return [helper.make_node("Identity", ["x"], ["y"]), *extra]


def test_declarations_of_the_tiny_model():
    proto = tiny_model()
    helper.set_model_props(proto, {"joint_names": "a,b"})
    info = inspect_onnx(proto.SerializeToString())
    assert info.inputs[0] == TensorInfo("observation.state", TensorProto.FLOAT, (None, 2, 8))
    assert [tensor.name for tensor in info.inputs] == ["observation.state", "observation.environment_state", "noise"]
    assert info.outputs == [
        TensorInfo("action", TensorProto.FLOAT, (None, HORIZON, ACTIONS)),
        TensorInfo("embedding", TensorProto.FLOAT, (None, EMBEDDING)),
    ]
    assert info.opsets == {"": 17}
    assert info.metadata == {"joint_names": "a,b"}
    assert info.nodes == len(proto.graph.node)
    assert info.parameters == sum(value.size for value in weights().values())


def test_an_initializer_among_the_inputs_is_no_input():
    proto = tiny_model()
    proto.graph.input.append(helper.make_tensor_value_info("w_action", TensorProto.FLOAT, [12, 128]))
    assert "w_action" not in [tensor.name for tensor in inspect_onnx(proto.SerializeToString()).inputs]


def test_bit_widths_are_those_of_onnx():
    skipped = {TensorProto.STRING, TensorProto.COMPLEX64, TensorProto.COMPLEX128, TensorProto.UNDEFINED}
    for dtype, bits in BITS.items():
        assert dtype not in skipped
        if bits >= 8:
            assert helper.tensor_dtype_to_np_dtype(dtype).itemsize * 8 == bits


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int8, np.uint8, np.int32, np.int64, bool])
@pytest.mark.parametrize("raw", [True, False])
def test_constants_of_every_storage_are_measured(dtype, raw):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    values = array.tobytes() if raw else array.reshape(-1).tolist()
    tensor = helper.make_tensor("c", helper.np_dtype_to_tensor_dtype(array.dtype), [2, 3], values, raw=raw)
    inspect_onnx(model(identity(), [tensor]))
    tensor.dims[0] = 3
    with pytest.raises(GraphError, match="'c' of shape"):
        inspect_onnx(model(identity(), [tensor]))


def external() -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "weights")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def test_data_outside_the_file_is_refused_wherever_it_hides():
    with pytest.raises(GraphError, match="'weights' keeps its data outside"):
        inspect_onnx(model(identity(), [external()]))
    with pytest.raises(GraphError, match="outside"):
        inspect_onnx(model(identity(helper.make_node("Constant", [], ["c"], value=external()))))
    branch = helper.make_graph([helper.make_node("Constant", [], ["c"], value=external())], "b", [], [])
    node = helper.make_node("If", ["x"], ["c"], then_branch=branch, else_branch=branch)
    with pytest.raises(GraphError, match="outside"):
        inspect_onnx(model(identity(node)))
    function = helper.make_function(
        "mine", "F", ["a"], ["c"], [helper.make_node("Constant", [], ["c"], value=external())], []
    )
    with pytest.raises(GraphError, match="outside"):
        inspect_onnx(model(identity(), functions=[function]))


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (helper.make_node("RandomNormalLike", ["x"], ["r"]), "noise must be an input"),
        (helper.make_node("Custom", ["x"], ["r"], domain="evil"), "unknown domain 'evil'"),
        (helper.make_node("EPContext", ["x"], ["r"], domain="com.microsoft"), "opaque"),
        (helper.make_node("Loop", ["x"], ["r"], name="forever"), "'Loop' \\(forever\\) loops"),
    ],
)
def test_operators_a_policy_must_not_have(node, said):
    with pytest.raises(GraphError, match=said):
        inspect_onnx(model(identity(node)))


def scan(count=1, scanned="rows", depth=0):
    """A graph that loops over a constant of ``count`` rows."""
    value = helper.make_tensor_value_info
    state, row = value("s", TensorProto.FLOAT, ["batch", 2]), value("r", TensorProto.FLOAT, [2])
    after = value("t", TensorProto.FLOAT, ["batch", 2])
    body = helper.make_graph([helper.make_node("Add", ["s", "r"], ["t"])], "body", [state, row], [after])
    node = helper.make_node("Scan", ["x", scanned], ["z"], name="loop", body=body, num_scan_inputs=1)
    for _ in range(depth):
        inner = helper.make_graph([node], "b", [], [])
        node = helper.make_node("If", ["x"], ["z"], then_branch=inner, else_branch=inner)
    return model(identity(node), [numpy_helper.from_array(np.zeros((count, 2), np.float32), "rows")])


def test_a_loop_over_the_rows_of_a_constant_is_bounded():
    assert inspect_onnx(scan(1000)).nodes == 3
    onnx.checker.check_model(onnx.load_from_string(scan()))


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (scan(1001), "'Scan' \\(loop\\) loops; its first scanned tensor must be a constant of at most 1000"),
        (scan(scanned="x"), "must be a constant"),
        (scan(depth=1), "loops inside a subgraph"),
        (model(identity(helper.make_node("Scan", ["x"], ["r"], num_scan_inputs=0))), "over nothing"),
        (model(identity(helper.make_node("Scan", ["x"], ["r"], num_scan_inputs=-3))), "over nothing"),
        (model(identity(helper.make_node("Scan", [], ["r"]))), "over nothing"),
    ],
)
def test_loops_without_a_bound(graph, said):
    with pytest.raises(GraphError, match=said):
        inspect_onnx(graph)


def test_a_function_of_the_model_itself_is_no_unknown_domain():
    function = helper.make_function("mine", "F", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], [])
    call = helper.make_node("F", ["x"], ["z"], domain="mine")
    assert inspect_onnx(model(identity(call), opsets=(("", 17), ("mine", 1)), functions=[function])).nodes == 3


@pytest.mark.parametrize("source", ["initializer", "constant", "value_ints"])
def test_a_shape_beyond_reason_is_refused_before_anything_is_allocated(source):
    bomb = numpy_helper.from_array(np.array([1 << 20, 1 << 20], np.int64), "huge")
    nodes = identity(helper.make_node("ConstantOfShape", ["huge"], ["z"]))
    if source == "constant":
        nodes.insert(0, helper.make_node("Constant", [], ["huge"], value=bomb))
    elif source == "value_ints":
        nodes.insert(0, helper.make_node("Constant", [], ["huge"], value_ints=[1 << 20, 1 << 20]))
    with pytest.raises(GraphError, match="beyond reason"):
        inspect_onnx(model(nodes, [bomb] if source == "initializer" else []))


def test_huge_and_negative_dimensions():
    for dims in ([1 << 40], [-1], [1 << 62, 1 << 62]):
        tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=dims)
        with pytest.raises(GraphError, match="'c' has the impossible shape"):
            inspect_onnx(model(identity(), [tensor]))


def test_deep_subgraphs_end_in_an_error():
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["c"])], "leaf", [], [])
    for _ in range(20):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["c"], then_branch=graph)], "b", [], [])
    with pytest.raises(GraphError, match="nested deeper"):
        inspect_onnx(model([*identity(), *graph.node]))


def test_every_truncation_is_an_error_or_still_a_whole_model():
    data = tiny_model().SerializeToString()
    for size in range(0, len(data) - 1, 37):
        with pytest.raises(GraphError):
            inspect_onnx(data[:size])
