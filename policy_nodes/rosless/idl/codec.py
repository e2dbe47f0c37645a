"""CDR bytes of messages: ``serialize`` and ``deserialize`` with the 4-byte encapsulation header ROS 2 uses."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from policy_nodes.rosless.idl.classes import Message, Service
from policy_nodes.rosless.idl.hashing import hash_of
from policy_nodes.rosless.idl.reader import root_reader
from policy_nodes.rosless.idl.writer import root_writer

if sys.byteorder != "little":
    raise ImportError("the rosless codec supports little-endian machines only")

HEADER = b"\x00\x01\x00\x00"
"""Encapsulation: plain CDR (XCDR1), little endian, no options."""

M = TypeVar("M", bound=Message)
_MARK = HEADER[:2]


def serialize(message: Message) -> bytes:
    """CDR bytes of a message, header included.

    Raises:
        ValueError: a string holds characters that UTF-8 cannot encode.
    """
    body = bytearray()
    root_writer(message._ROS_TYPE)(message, body)
    return HEADER + body


def deserialize(cls: type[M], data: bytes | bytearray | memoryview) -> M:
    """Message of type ``cls`` from CDR bytes; bytes after it are ignored (DDS pads to four).

    Raises:
        ValueError: the data is truncated, claims impossible lengths, is not UTF-8, or is not little-endian plain CDR.
    """
    return deserializer(cls)(data if type(data) is bytes else bytes(data))


def deserializer(cls: type[M]) -> Callable[[bytes], M]:
    """:func:`deserialize` of one class, for those who read many samples of it."""
    return _converter(cls._ROS_TYPE)


@cache
def _converter(name: str) -> Callable[[bytes], Any]:
    read = root_reader(name)

    def convert(raw: bytes) -> Any:
        if not raw.startswith(_MARK) or len(raw) < 4:
            raise ValueError(f"{name}: not little-endian plain CDR, header is {raw[:4].hex(' ') or 'missing'}")
        try:
            return read(raw, 4, len(raw))[0]
        except (ValueError, struct.error) as error:
            raise ValueError(f"{name}: {error}") from error

    return convert


def rihs01(cls: type[Message] | type[Service] | Any) -> str:
    """Type hash ``RIHS01_<64 hex digits>`` of a message or service class."""
    return hash_of(cls._ROS_TYPE)
