"""Deserialise what the network sent; garbage is reported and dropped, it never comes out of a spin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from policy_nodes.rosless.idl import deserialize, deserializer
from policy_nodes.rosless.logging import get_logger


def decode(cls: Any, data: bytes, source: str) -> Any:
    """Message of type ``cls``, or None when the bytes are none.

    A peer with another definition of the type, or a damaged sample, must not end a node that guards a robot.

    Args:
        cls: message class.
        data: received bytes with their encapsulation header.
        source: topic or service, for the log.
    """
    try:
        return deserialize(cls, data)
    except ValueError as error:
        return _dropped(source, error)


def decoder(cls: Any, source: str) -> Callable[[bytes], Any]:
    """:func:`decode` of one class and one source, prepared once for the samples of a subscription."""
    read = deserializer(cls)

    def take(data: bytes) -> Any:
        try:
            return read(data)
        except ValueError as error:
            return _dropped(source, error)

    return take


def _dropped(source: str, error: ValueError) -> None:
    get_logger("rosless").error(f"dropped a sample of '{source}': {error}")
