"""Opening a DDS domain the way rmw_cyclonedds does, with a safer default: this machine only.

Jazzy's own default range is SUBNET, with which a demonstration on a laptop would command a robot in the same network.
Here the range is LOCALHOST unless ``ROS_AUTOMATIC_DISCOVERY_RANGE`` says otherwise. Environment read:
``ROS_DOMAIN_ID``, ``ROS_AUTOMATIC_DISCOVERY_RANGE``, ``ROS_LOCALHOST_ONLY``, ``ROS_STATIC_PEERS``, ``CYCLONEDDS_URI``.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain

from policy_nodes.rosless.errors import DomainError

MAX_DOMAIN_ID = 232  # the highest whose ports (7400 + 250 id + ...) fit in 16 bits
MAX_PARTICIPANT_INDEX = 32  # as rmw_cyclonedds: processes of one domain on one machine
# How long a deleted writer waits for acknowledgements. Cyclone's 1 s, per writer and in sequence, would keep a node
# that was told to stop alive for many seconds when one peer is stopped.
WRITER_LINGER = "200 ms"
RANGES = ("LOCALHOST", "SUBNET", "OFF", "SYSTEM_DEFAULT")

_lock = threading.Lock()
_open: dict[int, _OpenDomain] = {}


@dataclass
class _OpenDomain:
    entity: Domain
    config: str
    users: int


def domain_id_from_env(env: Mapping[str, str]) -> int:
    """Domain id from ``ROS_DOMAIN_ID`` (0 when unset or empty).

    Raises:
        DomainError: it is no whole number or out of range.
    """
    text = env.get("ROS_DOMAIN_ID", "").strip() or "0"
    if not text.isdecimal():
        raise DomainError(f"ROS_DOMAIN_ID={text!r} is no whole number.", f"Set it to 0..{MAX_DOMAIN_ID}.")
    return check_domain_id(int(text))


def check_domain_id(domain_id: int) -> int:
    """Return ``domain_id`` when DDS has ports for it.

    Raises:
        DomainError: it is out of range.
    """
    if not 0 <= domain_id <= MAX_DOMAIN_ID:
        raise DomainError(
            f"DDS domain id {domain_id} is out of range: its UDP ports would exceed 65535.",
            f"Use a ROS_DOMAIN_ID of 0..{MAX_DOMAIN_ID} (0..101 is safe from Linux' ephemeral ports).",
        )
    return domain_id


def discovery_range(env: Mapping[str, str]) -> str:
    """Discovery range from the environment; LOCALHOST when nothing is said.

    Raises:
        DomainError: the variable holds an unknown word.
    """
    if env.get("ROS_LOCALHOST_ONLY", "").strip() == "1":
        return "LOCALHOST"
    word = env.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "").strip().upper() or "LOCALHOST"
    if word not in RANGES:
        raise DomainError(f"ROS_AUTOMATIC_DISCOVERY_RANGE={word!r} is unknown.", f"Use one of {', '.join(RANGES)}.")
    return word


def domain_config(env: Mapping[str, str], pid: int) -> str:
    """Cyclone DDS configuration for the environment, ``CYCLONEDDS_URI`` appended last so that it wins.

    Args:
        env: environment variables.
        pid: this process; tags the domain when discovery is off.
    """
    word = discovery_range(env)
    uri = env.get("CYCLONEDDS_URI", "")
    if word == "SYSTEM_DEFAULT":
        return uri
    internal = f"<Internal><WriterLingerDuration>{WRITER_LINGER}</WriterLingerDuration></Internal>"
    static = [peer for peer in env.get("ROS_STATIC_PEERS", "").split(";") if peer]
    general = "" if word == "SUBNET" else f"<General>{_no_multicast(word, bool(static))}</General>"
    if word == "OFF":
        discovery = f"<ParticipantIndex>none</ParticipantIndex><Tag>ros_discovery_off_{pid}</Tag>"
    else:
        peers = (["localhost"] if word == "LOCALHOST" else []) + static
        listed = "".join(f"<Peer address={quoteattr(peer)}/>" for peer in peers)
        discovery = (
            "<ParticipantIndex>auto</ParticipantIndex>"
            f"<MaxAutoParticipantIndex>{MAX_PARTICIPANT_INDEX}</MaxAutoParticipantIndex>"
            + (f"<Peers>{listed}</Peers>" if listed else "")
        )
    return f"<CycloneDDS><Domain>{general}<Discovery>{discovery}</Discovery>{internal}</Domain></CycloneDDS>,{uri}"


def _no_multicast(word: str, static_peers: bool) -> str:
    """Settings of the interfaces for a range without multicast.

    A real node (Cyclone DDS 0.10) announces itself to 127.0.0.1. Cyclone DDS 11 ignores what arrives over an interface
    that it does not use, so a node that was there first would never see the other: the loopback interface is named.
    """
    multicast = "<AllowMulticast>false</AllowMulticast>"
    if word != "LOCALHOST":
        return multicast
    outside = '<NetworkInterface autodetermine="true"/>' if static_peers else ""
    return f'{multicast}<Interfaces>{outside}<NetworkInterface address="127.0.0.1"/></Interfaces>'


def participant_ports(domain_id: int) -> list[int]:
    """UDP port of unicast discovery for each participant index of a domain (DDSI-RTPS 2.3, 9.6.1)."""
    return [7400 + 250 * domain_id + 10 + 2 * index for index in range(MAX_PARTICIPANT_INDEX + 1)]


def _in_use(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False


def _cannot_open(domain_id: int) -> DomainError:
    ports = participant_ports(domain_id)
    if all(map(_in_use, ports)):
        return DomainError(
            f"DDS domain {domain_id} is full: the UDP ports {ports[0]}..{ports[-1]} of all {len(ports)} participant "
            "indexes are in use on this machine.",
            "Stop processes of this domain that were left behind, or choose another ROS_DOMAIN_ID.",
        )
    return DomainError(
        f"DDS domain {domain_id} cannot be opened; Cyclone DDS printed the reason on the line above.",
        "A line with 'config' is about CYCLONEDDS_URI; one with 'interface' about the network; one with 'participant "
        "index' means too many processes in this domain: stop some, or choose another ROS_DOMAIN_ID.",
    )


def acquire_domain(domain_id: int) -> None:
    """Open the domain in this process, or count one more user of it.

    Raises:
        DomainError: the configuration is refused, or differs from the one this process already uses.
    """
    check_domain_id(domain_id)
    config = domain_config(os.environ, os.getpid())
    with _lock:
        known = _open.get(domain_id)
        if known is None:
            try:
                entity = Domain(domain_id, config)
            except DDSException as error:
                raise _cannot_open(domain_id) from error
            _open[domain_id] = _OpenDomain(entity, config, 1)
        elif known.config != config:
            raise DomainError(
                f"DDS domain {domain_id} is already open in this process with other discovery settings.",
                "Set ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and CYCLONEDDS_URI before the first rclpy.init().",
            )
        else:
            known.users += 1


def release_domain(domain_id: int) -> None:
    """Count one user less; the last one closes the domain and its threads."""
    with _lock:
        known = _open[domain_id]
        known.users -= 1
        if known.users == 0:
            del _open[domain_id]  # dropping the last reference deletes the DDS domain
