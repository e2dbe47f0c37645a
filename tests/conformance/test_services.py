import threading
import time

import pytest
import rclpy
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.exceptions import InvalidServiceNameException
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Empty, SetBool, Trigger

pytestmark = pytest.mark.ros


def echo(request, response):
    response.success = request.data
    response.message = f"got {request.data}"
    return response


def test_request_and_response(node, spin_until):
    node.create_service(SetBool, "enable", echo)
    client = node.create_client(SetBool, "enable")
    assert client.wait_for_service(timeout_sec=10.0)
    future = client.call_async(SetBool.Request(data=True))
    assert spin_until(future.done, node)
    assert future.result() == SetBool.Response(success=True, message="got True")


def test_empty_service(node, spin_until):
    calls = []
    node.create_service(Empty, "poke", lambda request, response: (calls.append(1), response)[1])
    client = node.create_client(Empty, "poke")
    assert client.wait_for_service(timeout_sec=10.0)
    future = client.call_async(Empty.Request())
    assert spin_until(future.done, node)
    assert calls == [1] and isinstance(future.result(), Empty.Response)


def test_each_client_gets_its_own_answers(ros, spin_until):
    nodes = [Node(f"n{index}") for index in range(3)]
    nodes[0].create_service(SetBool, "/shared", echo)
    clients = [nodes[1].create_client(SetBool, "/shared"), nodes[2].create_client(SetBool, "/shared")]
    assert all(client.wait_for_service(timeout_sec=10.0) for client in clients)
    futures = [
        client.call_async(SetBool.Request(data=value))
        for client, value in zip(clients * 5, [True, False] * 5, strict=True)
    ]
    assert spin_until(lambda: all(future.done() for future in futures), *nodes)
    assert [future.result().success for future in futures] == [True, False] * 5
    for node in nodes:
        node.destroy_node()


def test_service_is_not_ready_without_server(node, spin_until):
    client = node.create_client(Trigger, "nobody")
    assert not client.service_is_ready()
    start = time.monotonic()
    assert not client.wait_for_service(timeout_sec=0.3)
    assert 0.2 < time.monotonic() - start < 3.0
    service = node.create_service(Trigger, "nobody", lambda request, response: response)
    assert client.wait_for_service(timeout_sec=10.0)
    assert node.destroy_service(service)
    assert spin_until(lambda: not client.service_is_ready(), node)


def test_server_in_another_process_answers_the_first_call(node, ask, run_python):
    child = run_python("""
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import rclpy
from rclpy.node import Node
from std_srvs.srv import Trigger
rclpy.init()
node = Node('server')
node.create_service(Trigger, 'far', lambda q, r: (setattr(r, 'message', 'here'), r)[1])
rclpy.spin(node)
""")
    for _ in range(3):  # a new client each time: its reply reader has just been discovered
        client = node.create_client(Trigger, "far")
        assert client.wait_for_service(timeout_sec=10.0)
        assert ask(client, Trigger.Request(), timeout=6.0).message == "here"
        node.destroy_client(client)
    assert child.poll() is None


def test_blocking_call_from_another_thread(ros):
    node = Node("caller")
    group = ReentrantCallbackGroup()
    node.create_service(SetBool, "block", echo, callback_group=group)
    client = node.create_client(SetBool, "block", callback_group=group)
    executor = MultiThreadedExecutor(2)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    try:
        assert client.wait_for_service(timeout_sec=10.0)
        assert client.call(SetBool.Request(data=True)).success
    finally:
        executor.shutdown()
        thread.join(timeout=5)
    assert not thread.is_alive()


def test_coroutine_server_and_coroutine_client(ros, spin_until):
    node = Node("async_node")
    node.create_service(SetBool, "inner", echo, callback_group=ReentrantCallbackGroup())
    inner = node.create_client(SetBool, "inner", callback_group=ReentrantCallbackGroup())

    async def outer(request, response):
        answer = await inner.call_async(SetBool.Request(data=request.data))
        response.success, response.message = answer.success, "via inner"
        return response

    node.create_service(SetBool, "outer", outer, callback_group=ReentrantCallbackGroup())
    client = node.create_client(SetBool, "outer")
    assert client.wait_for_service(timeout_sec=10.0) and inner.wait_for_service(timeout_sec=10.0)
    future = client.call_async(SetBool.Request(data=True))
    assert spin_until(future.done, node)
    assert future.result() == SetBool.Response(success=True, message="via inner")
    node.destroy_node()


def test_wrong_request_type_and_bad_name(node):
    client = node.create_client(Trigger, "typed")
    with pytest.raises(TypeError):
        client.call_async(SetBool.Request())
    with pytest.raises(InvalidServiceNameException):
        node.create_service(Trigger, "a//b", lambda request, response: response)


def test_cancelled_request_is_forgotten(node, spin_until):
    node.create_service(SetBool, "forget", echo)
    client = node.create_client(SetBool, "forget")
    assert client.wait_for_service(timeout_sec=10.0)
    forgotten = client.call_async(SetBool.Request(data=True))
    client.remove_pending_request(forgotten)
    future = client.call_async(SetBool.Request(data=False))
    assert spin_until(future.done, node)
    assert not forgotten.done()


def test_names_are_remapped(ros):
    node = Node("mapped", cli_args=["--ros-args", "-r", "a:=b", "-r", "rosservice://c:=d"])
    assert node.create_client(Trigger, "a").service_name == "/b"
    assert node.create_service(Trigger, "~/a", lambda request, response: response).service_name == "/mapped/a"
    assert node.resolve_service_name("c") == "/d"
    assert node.resolve_topic_name("c") == "/c"
    node.destroy_node()
    rclpy.try_shutdown()
