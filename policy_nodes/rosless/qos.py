"""``rclpy.qos``: quality-of-service profiles, policies, presets and their compatibility."""

from __future__ import annotations

import warnings
from enum import Enum, IntEnum
from typing import Any

from policy_nodes.rosless.duration import Duration


class InvalidQoSProfileException(Exception):
    """A profile lacks what it needs."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Invalid QoSProfile: {message}")


class QoSPolicyKind(IntEnum):
    """Names a policy in events about incompatibility."""

    INVALID = 1 << 0
    DURABILITY = 1 << 1
    DEADLINE = 1 << 2
    LIVELINESS = 1 << 3
    RELIABILITY = 1 << 4
    HISTORY = 1 << 5
    LIFESPAN = 1 << 6
    DEPTH = 1 << 7
    LIVELINESS_LEASE_DURATION = 1 << 8
    AVOID_ROS_NAMESPACE_CONVENTIONS = 1 << 9


def qos_policy_name_from_kind(policy_kind: QoSPolicyKind | int) -> str:
    """Name of a policy kind."""
    return QoSPolicyKind(policy_kind).name


class QoSPolicyEnum(IntEnum):
    """Base of the policies: their short keys are what command lines and parameters use."""

    @classmethod
    def short_keys(cls) -> list[str]:
        """Lower-case names of all values."""
        return [name.lower() for name in cls.__members__]

    @classmethod
    def get_from_short_key(cls, name: str) -> int:
        """Value of a short key.

        Raises:
            KeyError: unknown key.
        """
        return cls[name.upper()].value

    @property
    def short_key(self) -> str:
        """Lower-case name of this value."""
        return self.name.lower()


class HistoryPolicy(QoSPolicyEnum):
    """How many samples are kept; the layer refuses KEEP_ALL when an entity is created."""

    SYSTEM_DEFAULT = 0
    KEEP_LAST = 1
    KEEP_ALL = 2
    UNKNOWN = 3


class ReliabilityPolicy(QoSPolicyEnum):
    """Whether lost samples are sent again."""

    SYSTEM_DEFAULT = 0
    RELIABLE = 1
    BEST_EFFORT = 2
    UNKNOWN = 3
    BEST_AVAILABLE = 4


class DurabilityPolicy(QoSPolicyEnum):
    """Whether late joiners receive earlier samples."""

    SYSTEM_DEFAULT = 0
    TRANSIENT_LOCAL = 1
    VOLATILE = 2
    UNKNOWN = 3
    BEST_AVAILABLE = 4


class LivelinessPolicy(QoSPolicyEnum):
    """How a writer proves that it is alive."""

    SYSTEM_DEFAULT = 0
    AUTOMATIC = 1
    MANUAL_BY_TOPIC = 3
    UNKNOWN = 4
    BEST_AVAILABLE = 5


QoSHistoryPolicy = HistoryPolicy
QoSReliabilityPolicy = ReliabilityPolicy
QoSDurabilityPolicy = DurabilityPolicy
QoSLivelinessPolicy = LivelinessPolicy

_ENUM_FIELDS: dict[str, type[QoSPolicyEnum]] = {
    "history": HistoryPolicy,
    "reliability": ReliabilityPolicy,
    "durability": DurabilityPolicy,
    "liveliness": LivelinessPolicy,
}
_TYPED_FIELDS: dict[str, type] = {
    "depth": int,
    "lifespan": Duration,
    "deadline": Duration,
    "liveliness_lease_duration": Duration,
    "avoid_ros_namespace_conventions": bool,
}


class QoSProfile:
    """A set of policies.

    Args:
        history: defaults to KEEP_LAST, which needs ``depth``.
        depth: samples kept.
        reliability: defaults to RELIABLE.
        durability: defaults to VOLATILE.
        lifespan: age at which a sample expires; zero means never.
        deadline: largest gap between samples; zero means none.
        liveliness: how the writer asserts that it is alive.
        liveliness_lease_duration: silence after which it counts as dead; zero means never.
        avoid_ros_namespace_conventions: use the topic name on the wire as it is, without ``rt/``.

    Raises:
        InvalidQoSProfileException: neither history nor depth, or KEEP_LAST without depth.
        TypeError: a value of the wrong type.
    """

    __slots__ = (
        "_history", "_depth", "_reliability", "_durability", "_lifespan", "_deadline", "_liveliness",
        "_liveliness_lease_duration", "_avoid_ros_namespace_conventions",
    )  # fmt: skip

    history: HistoryPolicy
    depth: int
    reliability: ReliabilityPolicy
    durability: DurabilityPolicy
    lifespan: Duration
    deadline: Duration
    liveliness: LivelinessPolicy
    liveliness_lease_duration: Duration
    avoid_ros_namespace_conventions: bool

    def __init__(
        self,
        history: HistoryPolicy | int | None = None,
        depth: int | None = None,
        reliability: ReliabilityPolicy | int | None = None,
        durability: DurabilityPolicy | int | None = None,
        lifespan: Duration | None = None,
        deadline: Duration | None = None,
        liveliness: LivelinessPolicy | int | None = None,
        liveliness_lease_duration: Duration | None = None,
        avoid_ros_namespace_conventions: bool | None = None,
    ) -> None:
        if history is None:
            if depth is None:
                raise InvalidQoSProfileException("History and/or depth settings are required.")
            history = HistoryPolicy.KEEP_LAST
        if history == HistoryPolicy.KEEP_LAST and depth is None:
            raise InvalidQoSProfileException("History set to KEEP_LAST without a depth setting.")
        values: dict[str, Any] = {
            "history": history,
            "depth": 10 if depth is None else depth,
            "reliability": ReliabilityPolicy.RELIABLE if reliability is None else reliability,
            "durability": DurabilityPolicy.VOLATILE if durability is None else durability,
            "lifespan": lifespan or Duration(),
            "deadline": deadline or Duration(),
            "liveliness": LivelinessPolicy.SYSTEM_DEFAULT if liveliness is None else liveliness,
            "liveliness_lease_duration": liveliness_lease_duration or Duration(),
            "avoid_ros_namespace_conventions": bool(avoid_ros_namespace_conventions),
        }
        for name, value in values.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ENUM_FIELDS:
            if not isinstance(value, int):
                raise TypeError(f"QoSProfile.{name} must be a {_ENUM_FIELDS[name].__name__}, not {value!r}")
            value = _ENUM_FIELDS[name](value)
        elif name in _TYPED_FIELDS:
            if not isinstance(value, _TYPED_FIELDS[name]):
                raise TypeError(f"QoSProfile.{name} must be a {_TYPED_FIELDS[name].__name__}, not {value!r}")
            if name == "depth" and value == 0 and self.history == HistoryPolicy.KEEP_LAST:
                warnings.warn(
                    "A zero depth with KEEP_LAST doesn't make sense; it is read as SYSTEM_DEFAULT", stacklevel=3
                )
        else:
            raise AttributeError(f"QoSProfile has no attribute {name!r}")
        object.__setattr__(self, "_" + name, value)

    def __getattr__(self, name: str) -> Any:
        if name in _ENUM_FIELDS or name in _TYPED_FIELDS:
            return object.__getattribute__(self, "_" + name)
        raise AttributeError(f"QoSProfile has no attribute {name!r}")

    def _key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, slot) for slot in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, QoSProfile) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"QoSProfile({', '.join(f'{slot[1:]}={getattr(self, slot)}' for slot in self.__slots__)})"

    __repr__ = __str__


def _keep_last(depth: int, **policies: Any) -> QoSProfile:
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, **policies)


qos_profile_unknown = QoSProfile(
    history=HistoryPolicy.UNKNOWN, depth=0, reliability=ReliabilityPolicy.UNKNOWN,
    durability=DurabilityPolicy.UNKNOWN, liveliness=LivelinessPolicy.UNKNOWN,
)  # fmt: skip
qos_profile_default = _keep_last(10)
qos_profile_system_default = QoSProfile(
    history=HistoryPolicy.SYSTEM_DEFAULT, depth=0, reliability=ReliabilityPolicy.SYSTEM_DEFAULT,
    durability=DurabilityPolicy.SYSTEM_DEFAULT,
)  # fmt: skip
qos_profile_sensor_data = _keep_last(5, reliability=ReliabilityPolicy.BEST_EFFORT)
qos_profile_services_default = _keep_last(10)
qos_profile_parameters = _keep_last(1000)
qos_profile_parameter_events = _keep_last(1000)
qos_profile_action_status_default = _keep_last(1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class QoSPresetProfiles(Enum):
    """The named profiles of rmw."""

    UNKNOWN = qos_profile_unknown
    DEFAULT = qos_profile_default
    SYSTEM_DEFAULT = qos_profile_system_default
    SENSOR_DATA = qos_profile_sensor_data
    SERVICES_DEFAULT = qos_profile_services_default
    PARAMETERS = qos_profile_parameters
    PARAMETER_EVENTS = qos_profile_parameter_events
    ACTION_STATUS_DEFAULT = qos_profile_action_status_default

    @classmethod
    def short_keys(cls) -> list[str]:
        """Lower-case names of all presets."""
        return [name.lower() for name in cls.__members__]

    @classmethod
    def get_from_short_key(cls, name: str) -> QoSProfile:
        """Profile of a short key.

        Raises:
            KeyError: unknown key.
        """
        return cls[name.upper()].value


__all__ = [name for name in dir() if name.startswith(("QoS", "qos_", "Invalid")) or name.endswith("Policy")]
