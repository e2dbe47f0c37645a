"""Subscriptions to the contract's topics, and what a contract must be for these nodes to run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.subscription import Subscription

from policy_nodes.bundle.manifest import ImageFeature, Manifest, ObservationTerm
from policy_nodes.errors import ContractError, KeelError
from policy_nodes.inference.images import ImageReader
from policy_nodes.inference.messages import TermReader, message_stamp_ns
from policy_nodes.nodes.message_types import message_type
from policy_nodes.nodes.parameters import contract_topic
from policy_nodes.nodes.polled import PolledTopics
from policy_nodes.nodes.qos import SENSOR

TermCallback = Callable[[ObservationTerm, int, np.ndarray], None]
ImageCallback = Callable[[ImageFeature, int, np.ndarray], None]
Refused = Callable[[str, KeelError], None]
"""Told the term or camera of a message that does not fit the contract, and why."""
DEFAULT_JOINT_STATES = "/joint_states"


def guarded(node: Node, callback: Callable[[Any], None]) -> Callable[[Any], None]:
    """A subscription callback that an unreadable message cannot raise out of: it is logged and dropped."""

    def receive(message: Any) -> None:
        try:
            callback(message)
        except KeelError as error:
            node.get_logger().error(f"{error.cause} Fix: {error.fix}", throttle_duration_sec=5.0)
        except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
            node.get_logger().error(f"unreadable message: {error}", throttle_duration_sec=5.0)

    return receive


def require_joint_positions(manifest: Manifest) -> None:
    """Refuse a bundle that commands anything but joint positions.

    Raises:
        ContractError: an action term has another mode; names it.
    """
    for term in manifest.actions.terms:
        if term.mode != "position":
            raise ContractError(
                f"bundle '{manifest.name}': action term '{term.name}' commands {term.mode} of "
                f"{', '.join(term.joints)}; limits and backups of the safety node are for joint positions.",
                "export the policy with mode 'position'.",
            )


def joint_state_topic(manifest: Manifest) -> str:
    """Topic of the robot's JointState: that of the first term that reads one, else ``/joint_states``."""
    topics = (term.topic for term in manifest.terms if term.message_type == "sensor_msgs/msg/JointState")
    return next(topics, DEFAULT_JOINT_STATES)


def subscribe_terms(
    node: Node,
    topics: PolledTopics,
    manifest: Manifest,
    prefix: str,
    callback: TermCallback,
    own_actions: bool = True,
    first: Mapping[str, Callable[[Any], None]] | None = None,
    refused: Refused | None = None,
) -> None:
    """One subscription per contract topic; ``callback(term, stamp_ns, value)`` for every term of every message read.

    A message that does not fit the contract (missing joint, wrong frame) is logged, throttled, and dropped: to the
    core it is silence, and silence has a defined reaction.

    Args:
        node: that subscribes.
        topics: gets the subscriptions.
        manifest: the contract.
        prefix: parameter ``topic_prefix``.
        callback: receives values (size,) in the term's order and unit.
        own_actions: also the policy's own answers; the policy itself remembers them instead.
        first: by full topic name, what else is called with every message, before the terms are read.
        refused: called for every message that does not fit.
    """
    by_topic: dict[str, list[tuple[ObservationTerm, TermReader]]] = {}
    for term in (term for term in manifest.terms if own_actions or not term.own_action):
        by_topic.setdefault(term.topic, []).append((term, TermReader(term)))

    def receive(
        readers: list[tuple[ObservationTerm, TermReader]], other: Callable[[Any], None] | None, message: object
    ) -> None:
        if other is not None:
            other(message)
        now_ns = int(node.get_clock().now().nanoseconds)
        for term, reader in readers:
            try:
                value = reader.read(message)
            except KeelError as error:
                node.get_logger().error(f"{error.cause} Fix: {error.fix}", throttle_duration_sec=5.0)
                if refused is not None:
                    refused(term.name, error)
                continue
            callback(term, message_stamp_ns(message, now_ns), value)

    for topic, readers in by_topic.items():
        full = contract_topic(topic, prefix)
        heard = guarded(node, partial(receive, readers, (first or {}).get(full)))
        topics.subscribe(message_type(readers[0][0].message_type), full, heard)


def joint_state_topics(manifest: Manifest, prefix: str) -> set[str]:
    """Full names of the topics on which the contract reads joint states."""
    read = (term.topic for term in manifest.terms if term.message_type == "sensor_msgs/msg/JointState")
    return {contract_topic(topic, prefix) for topic in read}


def subscribe_images(
    node: Node, manifest: Manifest, prefix: str, callback: ImageCallback, refused: Refused | None = None
) -> list[Subscription]:
    """One subscription per camera; ``callback(image, stamp_ns, pixels)`` for every picture that fits the contract.

    Others are logged, throttled, and dropped, as in :func:`subscribe_terms`.
    """

    def receive(reader: ImageReader, image: ImageFeature, message: object) -> None:
        try:
            pixels = reader.read(message)
        except KeelError as error:
            node.get_logger().error(f"{error.cause} Fix: {error.fix}", throttle_duration_sec=5.0)
            if refused is not None:
                refused(image.name, error)
            return
        callback(image, message_stamp_ns(message, int(node.get_clock().now().nanoseconds)), pixels)

    return [
        node.create_subscription(
            message_type(image.message_type),
            contract_topic(image.topic, prefix),
            partial(receive, ImageReader(image), image),
            SENSOR,
        )
        for image in manifest.images
    ]
