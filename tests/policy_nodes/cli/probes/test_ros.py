import socket
import subprocess

import pytest

from policy_nodes.cli.probes import ros


@pytest.mark.parametrize(
    ("text", "domain"), [(None, 0), ("", 0), ("42", 42), ("232", 232), ("233", None), ("-1", None), ("a", None)]
)
def test_domain_id(text, domain):
    assert ros.domain_id({} if text is None else {"ROS_DOMAIN_ID": text}) == domain


@pytest.mark.parametrize(
    ("env", "rclpy", "dds", "status", "said"),
    [
        ({"ROS_DISTRO": "jazzy"}, True, False, "ok", "ROS 2 jazzy"),
        ({}, False, True, "ok", "rosless"),
        ({"ROS_DISTRO": "jazzy"}, False, True, "warn", "cannot import rclpy"),
        ({}, False, False, "warn", "nodes cannot run"),
        ({"KEEL_REQUIRE_ROS": "1"}, False, True, "fail", "KEEL_REQUIRE_ROS=1"),
    ],
)
def test_stack(env, rclpy, dds, status, said):
    check = ros.stack(env, has_rclpy=rclpy, has_cyclonedds=dds)
    assert check.status == status
    assert said in check.detail
    assert (status == "ok") == (not check.fix)


def test_an_occupied_discovery_port_is_counted():
    domain = 97
    before = ros.busy_participants(domain)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 7400 + 250 * domain + 10 + 2 * 5))
        assert ros.busy_participants(domain) == before + 1


@pytest.mark.parametrize(
    ("domain", "busy", "status"), [(0, 0, "ok"), (0, 2, "warn"), (0, 33, "fail"), (150, 0, "warn")]
)
def test_occupancy(domain, busy, status):
    assert ros.occupancy(domain, busy).status == status


def test_a_wrong_domain_ends_the_probe():
    checks = list(ros.probe({"ROS_DOMAIN_ID": "999"}))
    assert [check.item for check in checks] == ["ros", "dds domain"]
    assert checks[1].status == "fail"


def test_loopback_delivers_a_sample():
    pytest.importorskip("cyclonedds")
    assert ros.loopback(98).status == "ok"


def test_loopback_reports_the_last_line_or_silence(monkeypatch):
    def failed(*args, **kwargs):
        return subprocess.CompletedProcess(args, 1, "", "trace\nDDSException: no interface\n")

    def silent(*args, **kwargs):
        raise subprocess.TimeoutExpired("x", 15)

    monkeypatch.setattr(ros.subprocess, "run", failed)
    assert ros.loopback(98).detail == "DDSException: no interface"
    monkeypatch.setattr(ros.subprocess, "run", silent)
    assert "no answer" in ros.loopback(98).detail
