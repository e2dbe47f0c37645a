"""A DDS writer and a DDS reader that move serialised samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclonedds.core import InstanceState as Instance
from cyclonedds.core import Policy, ReadCondition, SampleState, ViewState
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from policy_nodes.rosless.exceptions import InvalidHandle, RCLError
from policy_nodes.rosless.qos import QoSProfile
from policy_nodes.rosless.wire import capi
from policy_nodes.rosless.wire.qos_map import check_supported, to_dds

if TYPE_CHECKING:
    from policy_nodes.rosless.wire.session import Session

_ANY = SampleState.Any | ViewState.Any | Instance.Any


def _user_data_value(endpoint: Any, key: str) -> str | None:
    """Value of ``key`` in an endpoint's USER_DATA ``key=value;...``."""
    if endpoint is None or Policy.Userdata not in endpoint.qos:
        return None
    text = endpoint.qos[Policy.Userdata].data.decode(errors="replace")
    return next((part[len(key) + 1 :] for part in text.split(";") if part.startswith(key + "=")), None)


class Endpoint:
    """What readers and writers share: identity, matched peers, deterministic deletion.

    Attributes:
        entity: DDS entity number; wait sets attach it for its statuses.
        gid: 16 byte global identity, as announced in the graph.
        instance: uint64 instance handle, the client identity in service requests.
    """

    def __init__(self, dds_entity: Any, session: Session) -> None:
        self.dds = dds_entity
        self.session = session
        self.entity: int = dds_entity._ref
        self.gid: bytes = dds_entity.guid.bytes
        self.instance = dds_entity.instance_handle & 0xFFFFFFFFFFFFFFFF  # comes back signed

    @property
    def alive(self) -> bool:
        """False once deleted."""
        return self.dds is not None

    def close(self) -> None:
        """Delete the DDS entity; peers see it leave. A second call does nothing."""
        self.dds = None  # the last reference; a concurrent take keeps its own until it is done


class Writer(Endpoint):
    """Writes serialised samples to a DDS topic.

    Args:
        session: the context's DDS participant.
        topic: DDS topic name, ``rt/...`` for ROS topics.
        struct: byte-carrying DDS type.
        qos: ROS profile.
        user_data: announced with the endpoint.
    """

    def __init__(self, session: Session, topic: str, struct: type, qos: QoSProfile, user_data: str) -> None:
        check_supported(qos)
        with capi.QOS_LOCK:
            entity = DataWriter(
                session.publisher, Topic(session.participant, topic, struct), qos=to_dds(qos, user_data)
            )
        super().__init__(entity, session)

    def write(self, data: bytes) -> None:
        """Send one sample, with the GIL released.

        Args:
            data: XCDR1 little endian with its 4 byte encapsulation header.

        Raises:
            InvalidHandle: the writer was deleted.
            RCLError: DDS refused the sample.
        """
        dds = self.dds  # keeps the entity alive during the call
        if dds is None:
            raise InvalidHandle("cannot use Destroyable because destruction was requested")
        if len(data) & 3:
            data += b"\0" * (-len(data) & 3)
        if (code := capi.write(self.entity, data)) < 0:
            raise RCLError(f"Failed to publish: DDS return code {code}")

    def count_readers(self) -> int:
        """Number of matched readers."""
        return capi.count_matched_readers(self.entity) if self.dds is not None else 0

    def matched_values(self, key: str) -> set[str]:
        """USER_DATA values of ``key`` among the matched readers."""
        values: set[str | None] = set()
        dds = self.dds
        if dds is None:
            return set()
        for handle in capi.matched_readers(self.entity):
            with capi.QOS_LOCK:
                values.add(_user_data_value(dds.get_matched_subscription_data(handle), key))
        return {value for value in values if value is not None}


class Reader(Endpoint):
    """Takes serialised samples from a DDS topic; same arguments as :class:`Writer`.

    Attributes:
        condition: DDS read condition, triggered while there are samples to take.
    """

    def __init__(self, session: Session, topic: str, struct: type, qos: QoSProfile, user_data: str) -> None:
        check_supported(qos)
        with capi.QOS_LOCK:
            entity = DataReader(
                session.subscriber, Topic(session.participant, topic, struct), qos=to_dds(qos, user_data)
            )
        super().__init__(entity, session)
        self._read_condition = ReadCondition(entity, _ANY)
        self.condition: int = self._read_condition._ref

    def take(self) -> tuple[bytes, Any] | None:
        """Take the oldest sample: (bytes, sample info); None when there is none with data."""
        dds = self.dds
        while dds is not None:
            taken = capi.take(self.entity, _ANY, 1)
            if not taken or taken.__class__ is int:
                return None  # nothing there, or a DDS return code: the reader is going away
            sample: tuple[bytes, Any] = taken[0]
            if sample[1].valid_data:
                return sample
        return None

    def count_writers(self) -> int:
        """Number of matched writers."""
        return capi.count_matched_writers(self.entity) if self.dds is not None else 0

    def matched_value(self, instance: int, key: str) -> tuple[bool, str | None]:
        """Whether the writer ``instance`` is still matched, and its USER_DATA value of ``key``."""
        dds = self.dds
        if dds is None or instance not in capi.matched_writers(self.entity):
            return False, None
        with capi.QOS_LOCK:
            return True, _user_data_value(dds.get_matched_publication_data(instance), key)

    def matched_values(self, key: str) -> set[str]:
        """USER_DATA values of ``key`` among the matched writers."""
        found = (self.matched_value(handle, key)[1] for handle in capi.matched_writers(self.entity))
        return {value for value in found if value is not None}

    def close(self) -> None:
        """Delete the DDS entities. A second call does nothing."""
        self._read_condition = None
        super().close()
