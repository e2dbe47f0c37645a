"""Which stream of the catalogue an observation term belongs to, and what a configuration allows each stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.manifest import Manifest, ObservationTerm
from policy_nodes.inference.messages import projected_gravity
from policy_nodes.running.campaign.case import Case, Process, Throttle
from policy_nodes.running.campaign.moments import NS, Limits
from policy_nodes.safety.config import SafetyConfig
from policy_nodes.safety.reasons import Reason

STREAMS = {
    "sensor_msgs/msg/JointState": "joints",
    "geometry_msgs/msg/PoseStamped": "objects",
    "std_msgs/msg/Float64MultiArray": "objects",
    "sensor_msgs/msg/Imu": "imu",
    "geometry_msgs/msg/Twist": "drive",
}
"""Message type -> stream of the catalogue."""


def source_of(term: ObservationTerm) -> str:
    """Name of a term's source in a ledger; objects come from a source each. Empty for other types of message."""
    stream = STREAMS.get(term.message_type, "")
    return f"{stream}/{term.name}" if stream == "objects" else stream


def read_term(term: ObservationTerm, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Value of a term in a :class:`~.streams.Sample` of its source, as the nodes' message reader takes it."""
    if term.message_type != "sensor_msgs/msg/Imu":
        return values
    parts = {"orientation": values[:4], "angular_velocity": values[4:7], "linear_acceleration": values[7:]}
    return parts[term.field] if term.field in parts else np.array(projected_gravity(values[:4].tolist()))


def limits_of(safety: SafetyConfig, terms: Sequence[ObservationTerm]) -> Limits:
    """What configuration and contract allow, as :mod:`.moments` asks for it; of terms of one topic the strictest."""
    ages = {"joints": safety.joint_state_timeout_s, "alarms": safety.monitor_timeout_s, "commands": 0.0, "chunks": 0.0}
    for term in terms:
        if source := source_of(term):
            ages[source] = min(ages.get(source, term.max_age_s), term.max_age_s)
    return Limits(
        {source: round(seconds * NS) for source, seconds in ages.items()},
        round(safety.extrapolation_limit_s * NS),
        safety.max_rejects,
    )


OWN_ACTION = (
    Reason.OBSERVATION_NOT_FINITE,
    Reason.OBSERVATION_MALFORMED,
    Reason.OBSERVATION_OUT_OF_RANGE,
    Reason.OBSERVATION_FROM_FUTURE,
    Reason.OBSERVATION_OUT_OF_ORDER,
)
"""Where the contract observes the policy's own actions, a bad chunk is a bad observation too."""


def declared(case: Case, manifest: Manifest) -> Case:
    """The declaration for one bundle."""
    if case.stream == "chunks" and case.reasons and any(term.own_action for term in manifest.terms):
        return replace(case, may_stop=(*case.may_stop, *OWN_ACTION))
    return case


def applies(case: Case, manifest: Manifest) -> bool:
    """Whether a bundle has what the fault touches: a stream of its contract, or a failure monitor."""
    if case.stream in STREAMS.values():
        return case.stream == "joints" or any(STREAMS.get(t.message_type) == case.stream for t in manifest.terms)
    if case.stream == "alarms" or (isinstance(case.inject, Process | Throttle) and case.inject.node == "monitor_node"):
        return "calibration.npz" in manifest.files
    return True
