"""The ROS 2 stack: which one the nodes will use, whether DDS works, and whose domain it is."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

from policy_nodes.cli.checks import Check

PARTICIPANTS = 33
"""Participants one machine can hold in a domain with unicast discovery, as rmw_cyclonedds limits it."""
SAFE_DOMAIN, MAX_DOMAIN = 101, 232

_DDS_PROBE = """
from dataclasses import dataclass
from cyclonedds.core import Policy, Qos
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

@dataclass
class Probe(IdlStruct, typename="keel_doctor_probe"):
    value: int

config = (
    "<CycloneDDS><Domain><General><AllowMulticast>false</AllowMulticast></General><Discovery>"
    "<ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>"
    "<Peers><Peer address='localhost'/></Peers></Discovery></Domain></CycloneDDS>"
)
domain = Domain({domain}, config)
participant = DomainParticipant({domain})
qos = Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.Durability.TransientLocal)
topic = Topic(participant, "keel_doctor_probe", Probe)
reader = DataReader(participant, topic, qos=qos)
writer = DataWriter(participant, topic, qos=qos)
writer.write(Probe(42))
sample = reader.take_one(timeout=duration(seconds=3))
assert sample.value == 42
"""


def domain_id(env: Mapping[str, str]) -> int | None:
    """``ROS_DOMAIN_ID`` (0 when unset), None when it is no valid id."""
    text = env.get("ROS_DOMAIN_ID", "").strip() or "0"
    return int(text) if text.isdecimal() and int(text) <= MAX_DOMAIN else None


def probe(env: Mapping[str, str] | None = None) -> Iterator[Check]:
    """Stack, DDS and domain, for an environment (the process's own by default)."""
    env = os.environ if env is None else env
    yield stack(env, has_rclpy=_exists("rclpy"), has_cyclonedds=_exists("cyclonedds"))
    domain = domain_id(env)
    if domain is None:
        fix = f"set it to 0..{SAFE_DOMAIN}"
        yield Check("dds domain", "fail", f"ROS_DOMAIN_ID={env.get('ROS_DOMAIN_ID')!r} is no domain id", fix)
        return
    yield occupancy(domain, busy_participants(domain))
    if _exists("cyclonedds"):
        yield loopback(domain)
    else:
        yield Check("dds loopback", "skip", "cyclonedds is not installed", 'pip install "keel[rosless]"')


def stack(env: Mapping[str, str], *, has_rclpy: bool, has_cyclonedds: bool) -> Check:
    """Which ROS the nodes will import, and why."""
    distro = env.get("ROS_DISTRO", "")
    if has_rclpy:
        return Check("ros", "ok", f"ROS 2 {distro or 'of unknown distribution'}: rclpy can be imported")
    why = f"ROS_DISTRO is {distro}, but this Python cannot import rclpy" if distro else "no ROS 2 is sourced"
    if (required := env.get("KEEL_REQUIRE_ROS", "")) not in ("", "0"):
        fix = "source /opt/ros/<distro>/setup.bash with its own Python, or unset KEEL_REQUIRE_ROS"
        return Check("ros", "fail", f"KEEL_REQUIRE_ROS={required}, {why}", fix)
    if not has_cyclonedds:
        fix = 'source /opt/ros/<distro>/setup.bash, or pip install "keel[rosless]"'
        return Check("ros", "warn", f"{why}, and cyclonedds is not installed: nodes cannot run", fix)
    if distro:
        fix = "use the Python that ROS 2 was built for"
        return Check("ros", "warn", f"rosless, because {why}", fix)
    return Check("ros", "ok", f"rosless (Cyclone DDS, the ROS 2 wire), because {why}")


def busy_participants(domain: int) -> int:
    """Participants of this machine that already hold a discovery port of the domain (RTPS 2.5, section 9.6.2.3)."""
    busy = 0
    for index in range(PARTICIPANTS):
        port = 7400 + 250 * domain + 10 + 2 * index
        if port > 65535:
            break
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe_socket:
            try:
                probe_socket.bind(("", port))
            except OSError:
                busy += 1
    return busy


def occupancy(domain: int, busy: int) -> Check:
    """Whether somebody else is in the domain."""
    item = "dds domain"
    if busy >= PARTICIPANTS:
        return Check(
            item, "fail", f"domain {domain} is full ({busy} participants)", "end old nodes or set ROS_DOMAIN_ID"
        )
    if busy:
        fix = "end other nodes, or set ROS_DOMAIN_ID to keep apart from them"
        return Check(item, "warn", f"domain {domain} is used by {busy} participants on this machine", fix)
    if domain > SAFE_DOMAIN:
        fix = f"use 0..{SAFE_DOMAIN}"
        return Check(item, "warn", f"ports of domain {domain} overlap Linux' ephemeral ports", fix)
    return Check(item, "ok", f"domain {domain}, nobody else on this machine")


def loopback(domain: int) -> Check:
    """Send one sample through Cyclone DDS on this machine only, in a process of its own that cannot take us down."""
    command = [sys.executable, "-c", _DDS_PROBE.replace("{domain}", str(domain))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    except subprocess.TimeoutExpired:
        return Check("dds loopback", "fail", "no answer from Cyclone DDS in 15 s", "check firewall and CYCLONEDDS_URI")
    if done.returncode == 0:
        return Check("dds loopback", "ok", f"a sample arrived in domain {domain}")
    lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
    return Check("dds loopback", "fail", lines[-1][:200], "check that a network interface is up, and CYCLONEDDS_URI")


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
