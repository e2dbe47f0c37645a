"""The 16 bytes that rmw_cyclonedds puts between the encapsulation header and a service payload.

``uint64`` client identity (instance handle of the client's request writer) and ``int64`` sequence number, little
endian. Sixteen bytes keep the payload's alignment, so the message's own bytes are reused as they are.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_LAYOUT = struct.Struct("<Qq")
_ENCAPSULATION = 4


class RequestId(NamedTuple):
    """Identity of a request: who asked, and its number there."""

    client: int
    sequence_number: int


def wrap(request_id: RequestId, serialized: bytes) -> bytes:
    """Insert the identity into a serialised request or response."""
    return serialized[:_ENCAPSULATION] + _LAYOUT.pack(*request_id) + serialized[_ENCAPSULATION:]


def unwrap(data: bytes) -> tuple[RequestId, bytes]:
    """Split received bytes into the identity and the serialised message.

    Bytes too short to hold an identity give that of nobody and an empty message, which no type decodes from.
    """
    end = _ENCAPSULATION + _LAYOUT.size
    if len(data) < end:
        return RequestId(0, 0), b""
    return RequestId(*_LAYOUT.unpack_from(data, _ENCAPSULATION)), data[:_ENCAPSULATION] + data[end:]


def identity(gid: bytes) -> str:
    """A client's or server's identity as announced in USER_DATA: dotted hexadecimal bytes of a 16 byte gid."""
    return ".".join(f"{byte:x}" for byte in gid)
