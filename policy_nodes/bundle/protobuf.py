"""A bounded reader of the protobuf wire format, enough to look into an ONNX file without trusting it, and its inverse.

The runtime depends on onnxruntime, not on ``onnx``; and a loader that builds a session to find out what is in a file
has already run it. This reader copies nothing and allocates nothing that the file's own size does not bound.

Source: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class WireError(ValueError):
    """The bytes are not a protobuf message."""


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        if position >= len(data):
            raise WireError("truncated integer")
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFF_FFFF_FFFF_FFFF, position
        shift += 7
        if shift > 63:
            raise WireError("integer longer than 64 bits")


def fields(data: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Walk one message.

    Args:
        data: the message's bytes, format ``B``.

    Yields:
        (field number, wire type, value): an unsigned int for VARINT, a view of the payload for the others.

    Raises:
        WireError: truncated, a reserved wire type, or field number 0.
    """
    position, end = 0, len(data)
    while position < end:
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise WireError("field number 0")
        if kind == VARINT:
            value, position = _varint(data, position)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, position = _varint(data, position)
        elif kind == FIXED64:
            size = 8
        elif kind == FIXED32:
            size = 4
        else:
            raise WireError(f"wire type {kind}")
        if size > end - position:
            raise WireError("truncated field")
        yield number, kind, data[position : position + size]
        position += size


def signed(value: int) -> int:
    """Two's complement int64 of an unsigned varint."""
    return value - (1 << 64) if value >= 1 << 63 else value


def integers(kind: int, value: int | memoryview) -> list[int]:
    """Signed integers of one occurrence of a repeated int64 field, packed or not.

    Raises:
        WireError: the payload is not a sequence of varints.
    """
    if isinstance(value, int):
        return [signed(value)]
    if kind != BYTES:
        raise WireError("expected integers")
    result, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        result.append(signed(number))
    return result


def text(value: int | memoryview) -> str:
    """A UTF-8 string field.

    Raises:
        WireError: not bytes, or not UTF-8.
    """
    try:
        return bytes(view(value)).decode("utf-8")
    except UnicodeDecodeError:
        raise WireError("a string is not UTF-8") from None


def view(value: int | memoryview) -> memoryview:
    """A length-delimited field.

    Raises:
        WireError: the field has another wire type.
    """
    if isinstance(value, int):
        raise WireError("expected bytes, found an integer")
    return value


def number(value: int | memoryview) -> int:
    """An integer field.

    Raises:
        WireError: the field has another wire type.
    """
    if not isinstance(value, int):
        raise WireError("expected an integer, found bytes")
    return value


def encode_varint(value: int) -> bytes:
    """An unsigned integer below 2**64."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def encode_field(number: int, kind: int, value: int | bytes | memoryview) -> bytes:
    """One field as ``fields`` yields it: an unsigned int for VARINT, the payload for the others."""
    key = encode_varint(number << 3 | kind)
    if isinstance(value, int):
        return key + encode_varint(value)
    return key + (encode_varint(len(value)) if kind == BYTES else b"") + value
