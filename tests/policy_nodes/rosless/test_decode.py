import pytest

import policy_nodes.rosless.activate as activate
from policy_nodes.rosless.decode import decode, decoder
from policy_nodes.rosless.idl import message_class, serialize

String = message_class("std_msgs/msg/String")


def test_good_and_bad_bytes(capfd):
    assert decode(String, serialize(String(data="x")), "/topic").data == "x"
    assert decode(String, b"\0\1\0\0\xff\xff\xff\xff", "/topic") is None
    err = capfd.readouterr().err
    assert "[ERROR]" in err and "'/topic'" in err and "std_msgs/msg/String" in err


def test_a_prepared_decoder_says_the_same(capfd):
    read = decoder(String, "/topic")
    assert read(serialize(String(data="x"))) == String(data="x")
    for garbage in (
        b"",
        b"\0\1",
        b"\0\0\0\0\0\0\0\2x\0",
        b"\0\1\0\0\xff\xff\xff\xff",
    ):  # none, short, big-endian, truncated
        assert read(garbage) is None
    err = capfd.readouterr().err
    assert err.count("dropped a sample of '/topic'") == 4 and "header is missing" in err and "header is 00 00" in err


@pytest.mark.ros
@pytest.mark.skipif(activate.STACK != "rosless", reason="a real ROS 2 is used")
def test_a_damaged_sample_does_not_end_the_node(capfd):
    import rclpy

    rclpy.init(args=[])
    try:
        node, received = rclpy.create_node("robust"), []
        publisher = node.create_publisher(String, "a", 10)
        node.create_subscription(String, "a", received.append, 10)
        publisher._writer.write(b"\0\1\0\0" + b"\3\0\0\0" + b"\xff\xfe\0")  # a string, but not UTF-8
        publisher.publish(String(data="after"))
        for _ in range(100):
            rclpy.spin_once(node, timeout_sec=0.05)
            if received:
                break
        assert [msg.data for msg in received] == ["after"]
        assert "dropped a sample of '/a'" in capfd.readouterr().err
    finally:
        rclpy.try_shutdown()
