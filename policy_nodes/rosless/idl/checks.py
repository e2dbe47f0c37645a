"""Field type checks as strict as rclpy of ROS 2 Humble, so that what passes here passes on every distribution.

Humble asserts every assignment; Jazzy's checks are off by default. A check takes the assigned value and returns what
is stored, or raises AssertionError: numbers must be Python ``float``/``int`` in range, ``byte`` is ``bytes`` of length
one, numeric sequences become `array.array`, numeric arrays of fixed length become `numpy.ndarray`.
"""

from __future__ import annotations

from array import array
from collections import UserList, UserString
from collections.abc import Callable, Sequence, Set
from typing import Any

import numpy as np

from policy_nodes.rosless.idl.model import FieldType

Check = Callable[[Any], Any]

TYPECODE = {
    "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
    "float32": "f", "float64": "d",
}  # fmt: skip
"""Numeric ROS type to its character in `array` and `struct`."""

_FLOAT32_MAX = 3.402823466e38


def int_range(base: str) -> tuple[int, int]:
    """Smallest and largest value of an integer type such as ``uint8``."""
    bits = int(base.lstrip("uint"))
    return (0, 2**bits - 1) if base[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _number(base: str) -> Check:
    if base == "float64":

        def check(value: Any) -> Any:
            if not isinstance(value, float):
                raise AssertionError("must be of type 'float'")
            return value

    elif base == "float32":

        def check(value: Any) -> Any:
            if not isinstance(value, float):
                raise AssertionError("must be of type 'float'")
            if abs(value) > _FLOAT32_MAX and abs(value) != float("inf"):
                raise AssertionError(f"must be a float in [{-_FLOAT32_MAX}, {_FLOAT32_MAX}]")
            return value

    else:
        low, high = int_range(base)

        def check(value: Any) -> Any:
            if not isinstance(value, int):
                raise AssertionError("must be of type 'int'")
            if not low <= value <= high:
                raise AssertionError(f"must be an integer in [{low}, {high}]")
            return value

    return check


def _octet(value: Any) -> Any:
    if not isinstance(value, (bytes, bytearray)) or len(value) != 1:
        raise AssertionError("must be of type 'bytes' or 'bytearray' with length 1")
    return bytes(value)


def _instance(kind: type[Any], bound: int = 0) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise AssertionError(f"must be of type '{kind.__name__}'")
        if bound and len(value) > bound:
            raise AssertionError(f"must have at most {bound} characters")
        return value

    return check


def single_check(ftype: FieldType, nested: type | None) -> Check:
    """Check of one element of ``ftype``; ``nested`` is its class when it is a message."""
    if nested is not None:
        return _instance(nested)
    if ftype.base == "string":
        return _instance(str, ftype.string_bound)
    if ftype.base == "bool":
        return _instance(bool)
    return _octet if ftype.base == "byte" else _number(ftype.base)


def _elements(value: Any, element: Check) -> Any:
    if not isinstance(value, (Sequence, Set, UserList)) or isinstance(value, (str, UserString)):
        raise AssertionError(f"must be a set or sequence, not '{type(value).__name__}'")
    for item in value:
        element(item)
    return value


def _length(ftype: FieldType, length: int) -> None:
    if ftype.kind == "array" and length != ftype.size:
        raise AssertionError(f"must have length {ftype.size}, not {length}")
    if ftype.kind == "bounded" and length > ftype.size:
        raise AssertionError(f"must have at most {ftype.size} elements, not {length}")


def _numpy_check(ftype: FieldType, element: Check) -> Check:
    dtype = np.dtype(ftype.base)

    def check(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            if value.dtype != dtype or value.ndim != 1:
                raise AssertionError(f"must be a one-dimensional numpy.ndarray of dtype '{dtype}'")
            _length(ftype, value.size)
            return value
        _length(ftype, len(_elements(value, element)))
        return np.array(list(value), dtype=dtype)

    return check


def _array_check(ftype: FieldType, element: Check) -> Check:
    code = TYPECODE[ftype.base]

    def check(value: Any) -> Any:
        if isinstance(value, array):
            if value.typecode != code:
                raise AssertionError(f"must be an array.array of typecode '{code}'")
        elif not (code == "B" and isinstance(value, (bytes, bytearray))):  # any byte is a uint8 already
            _elements(value, element)
        _length(ftype, len(value))
        return value if isinstance(value, array) else array(code, value)

    return check


def field_check(ftype: FieldType, nested: type | None) -> Check:
    """Check of a whole field, see the module description.

    Args:
        ftype: the field's type.
        nested: class of its element when that is a message, else None.
    """
    element = single_check(ftype, nested)
    if ftype.kind == "single":
        return element
    if ftype.base in TYPECODE:
        return (_numpy_check if ftype.kind == "array" else _array_check)(ftype, element)

    def check(value: Any) -> Any:
        _length(ftype, len(_elements(value, element)))
        return value

    return check
