import socket

import pytest

from policy_nodes.rosless.errors import DomainError
from policy_nodes.rosless.wire.domain import (
    MAX_PARTICIPANT_INDEX,
    _cannot_open,
    check_domain_id,
    discovery_range,
    domain_config,
    domain_id_from_env,
    participant_ports,
)


def test_this_machine_only_unless_told_otherwise():
    assert discovery_range({}) == "LOCALHOST"
    config = domain_config({}, 1)
    assert "<AllowMulticast>false" in config and '<Peer address="localhost"/>' in config
    subnet = domain_config({"ROS_AUTOMATIC_DISCOVERY_RANGE": "subnet"}, 1)
    assert "AllowMulticast" not in subnet and "Peer" not in subnet
    assert discovery_range({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "ROS_LOCALHOST_ONLY": "1"}) == "LOCALHOST"


def test_discovery_can_be_off_or_left_to_cyclone():
    off = domain_config({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF", "ROS_STATIC_PEERS": "10.0.0.1"}, 42)
    assert "<Tag>ros_discovery_off_42</Tag>" in off and "Peer" not in off
    own = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT", "CYCLONEDDS_URI": "file://x.xml"}
    assert domain_config(own, 1) == "file://x.xml"


def test_static_peers_and_the_users_configuration():
    env = {"ROS_STATIC_PEERS": "10.0.0.1;robot<1>", "CYCLONEDDS_URI": "<CycloneDDS/>"}
    config = domain_config(env, 1)
    assert '<Peer address="10.0.0.1"/><Peer address="robot&lt;1&gt;"/>' in config
    assert config.endswith(",<CycloneDDS/>")  # last, so that it wins


def test_a_real_node_that_starts_later_is_heard_on_the_loopback_interface():
    loopback = '<NetworkInterface address="127.0.0.1"/>'
    assert f"<Interfaces>{loopback}</Interfaces>" in domain_config({}, 1)
    both = domain_config({"ROS_STATIC_PEERS": "10.0.0.1"}, 1)  # another machine is reached over its own interface
    assert f'<Interfaces><NetworkInterface autodetermine="true"/>{loopback}</Interfaces>' in both
    for word in ("SUBNET", "OFF"):
        assert "Interfaces" not in domain_config({"ROS_AUTOMATIC_DISCOVERY_RANGE": word}, 1)


def test_unknown_range():
    with pytest.raises(DomainError, match="NEARBY") as caught:
        discovery_range({"ROS_AUTOMATIC_DISCOVERY_RANGE": "nearby"})
    assert "SUBNET" in caught.value.fix


@pytest.mark.parametrize(("env", "domain"), [({}, 0), ({"ROS_DOMAIN_ID": ""}, 0), ({"ROS_DOMAIN_ID": "42"}, 42)])
def test_domain_id(env, domain):
    assert domain_id_from_env(env) == domain


@pytest.mark.parametrize("text", ["-1", "x", "233", "1.5"])
def test_bad_domain_ids(text):
    with pytest.raises(DomainError) as caught:
        domain_id_from_env({"ROS_DOMAIN_ID": text})
    assert "0..232" in caught.value.fix


def test_ports_of_the_highest_domain_fit():
    assert participant_ports(0)[0] == 7410 and participant_ports(1)[1] == 7662
    assert participant_ports(check_domain_id(232))[-1] < 65536
    assert len(participant_ports(0)) == MAX_PARTICIPANT_INDEX + 1


def test_a_full_domain_is_named_as_such():
    domain, held = 101, []
    try:
        for port in participant_ports(domain):
            held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            try:
                held[-1].bind(("", port))
            except OSError:
                continue  # somebody else holds it: full all the same
        assert "domain 101 is full" in _cannot_open(domain).cause
    finally:
        for item in held:
            item.close()
    assert "cannot be opened" in _cannot_open(domain).cause


@pytest.mark.ros
def test_a_bad_configuration_is_a_clear_error(run_python):
    process = run_python(
        """
from policy_nodes.rosless.activate import ensure_ros
ensure_ros()
import rclpy
rclpy.init(args=[])
from policy_nodes.errors import KeelError
try:
    rclpy.create_node('n')
except KeelError as error:
    print(error.cause, '|', error.fix)
""",
        env={"CYCLONEDDS_URI": "<CycloneDDS><Domain><Nonsense/></Domain></CycloneDDS>"},
    )
    out, err = process.communicate(timeout=20)
    assert "cannot be opened" in out and "CYCLONEDDS_URI" in out and "Nonsense" in err
