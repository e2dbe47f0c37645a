import numpy as np
import onnx
from onnx import TensorProto, helper

from policy_nodes.inference.providers import create_session
from training.export.builder import GraphBuilder


def model_of(graph, inputs, outputs):
    """A model with float inputs and outputs of the given shapes after the batch."""
    value = helper.make_tensor_value_info
    named = [value(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in inputs.items()]
    proto = helper.make_model(
        helper.make_graph([], "g", named, []), opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    )
    graph.append_to(proto, outputs)
    onnx.checker.check_model(proto)
    return proto


def test_equal_constants_are_stored_once_and_types_apart():
    graph = GraphBuilder("a_")
    names = [
        graph.constant([1.0, 2.0]),
        graph.constant(np.array([1, 2])),
        graph.integers(1, 2),
        graph.constant([[1, 2]]),
    ]
    assert names[0] == names[1] and len(set(names)) == 3 == len(graph.constants)
    assert all(name.startswith("a_") for name in names)
    assert onnx.numpy_helper.to_array(next(iter(graph.constants.values()))).dtype == np.float32
    assert graph.constants and list(next(iter(graph.constants.values())).dims) == [2]


def test_a_scalar_stays_one():
    graph = GraphBuilder("a_")
    graph.constant(0.5)
    assert list(next(iter(graph.constants.values())).dims) == []


def test_split_and_reshape_by_hand():
    graph = GraphBuilder("a_")
    first, second = graph.split("x", [1, 2], axis=1)
    graph.op("Mul", graph.reshape(second, -1, 2, 1), graph.reshape(first, -1, 1, 1), output="y")
    session = create_session(model_of(graph, {"x": [3]}, {"y": [2, 1]}).SerializeToString())
    (answer,) = session.run(["y"], {"x": np.array([[2, 3, 4], [10, 1, 0]], np.float32)})
    np.testing.assert_array_equal(answer[..., 0], [[6, 8], [10, 0]])


def test_a_loop_carries_its_states_over_the_rows_of_a_constant():
    """s <- s * rate + draw over three rows, beside a state that stays: worked out by hand."""
    body = GraphBuilder("body_")
    following = body.op("Add", body.op("Mul", "s", "rate"), body.op("Add", "draw", "kept"))
    same = body.op("Identity", "kept", output="kept_next")
    graph = GraphBuilder("a_")
    rates = graph.constant([[2.0], [0.0], [3.0]])
    last = graph.scan(
        body,
        [("x", "s", following, [1]), ("offset", "kept", same, [1])],
        [(rates, "rate", [1], 0), ("draws", "draw", ["batch", 1], 1)],
    )
    graph.op("Identity", last, output="y")
    inputs = {"x": [1], "offset": [1], "draws": [3, 1]}
    session = create_session(model_of(graph, inputs, {"y": [1]}).SerializeToString())
    feeds = {
        "x": np.array([[1.0], [5.0]], np.float32),
        "offset": np.array([[0.0], [1.0]], np.float32),
        "draws": np.array([[[1.0], [2.0], [4.0]], [[0.0], [0.0], [0.0]]], np.float32),
    }
    # 1*2+1=3, 3*0+2=2, 2*3+4=10;  5*2+1=11, 0+1=1, 1*3+1=4
    np.testing.assert_array_equal(session.run(["y"], feeds)[0][:, 0], [10.0, 4.0])
