"""The few C functions of Cyclone DDS that are called directly, all with the GIL released.

``cyclonedds-python`` writes with the GIL held: a reliable writer that waits for a stopped peer then freezes every
Python thread (measured: 6 s). ``ctypes`` drops the GIL around each call, so other threads, a watchdog for one, keep
running. Wait sets are driven here too, because the Python wrapper does not say which entity woke it.
"""

from __future__ import annotations

import ctypes
import threading

from cyclonedds import _clayer
from cyclonedds.internal import DDS

RETCODE_OK = 0
RETCODE_TIMEOUT = -10
INFINITE_NS = (1 << 63) - 1

# Guards every use of cyclonedds' Qos conversion: it works in class-level ctypes buffers and would mix two threads'
# values.
QOS_LOCK = threading.RLock()

# A second handle of the same library: argument types set here do not disturb those cyclonedds sets on its own handle.
_lib = ctypes.CDLL(DDS._dll_handle._name)

_entity, _ret, _u64 = ctypes.c_int32, ctypes.c_int32, ctypes.c_uint64


class Blob(ctypes.Structure):
    """A serialised sample as Cyclone's Python type plug-in expects it: pointer and size, header included."""

    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t)]


def _declare(name: str, *argtypes: type) -> ctypes._NamedFuncPointer:
    function = _lib[name]
    function.argtypes, function.restype = list(argtypes), _ret
    return function


_write = _declare("dds_write", _entity, ctypes.c_void_p)
delete = _declare("dds_delete", _entity)
assert_liveliness = _declare("dds_assert_liveliness", _entity)
create_waitset = _declare("dds_create_waitset", _entity)
waitset_attach = _declare("dds_waitset_attach", _entity, _entity, ctypes.c_ssize_t)
waitset_detach = _declare("dds_waitset_detach", _entity, _entity)
waitset_wait = _declare("dds_waitset_wait", _entity, ctypes.POINTER(ctypes.c_ssize_t), ctypes.c_size_t, ctypes.c_int64)
create_guard = _declare("dds_create_guardcondition", _entity)
set_guard = _declare("dds_set_guardcondition", _entity, ctypes.c_bool)
take_guard = _declare("dds_take_guardcondition", _entity, ctypes.POINTER(ctypes.c_bool))
_matched_subscriptions = _declare("dds_get_matched_subscriptions", _entity, ctypes.POINTER(_u64), ctypes.c_size_t)
_matched_publications = _declare("dds_get_matched_publications", _entity, ctypes.POINTER(_u64), ctypes.c_size_t)
wait_for_acks = _declare("dds_wait_for_acks", _entity, ctypes.c_int64)


take = _clayer.ddspy_take  # entity, mask, count to [(bytes, info)]; the public take() makes three more objects for each
_blobs: list[tuple[Blob, int]] = []  # free ones: a write borrows one, so none is made per sample and none is shared


def write(entity: int, data: bytes) -> int:
    """Hand one sample to a writer, which copies it before this returns; DDS return code.

    Args:
        entity: the writer's entity number.
        data: serialised sample with its encapsulation header, a multiple of four bytes long.
    """
    try:
        blob, address = _blobs.pop()
    except IndexError:
        blob = Blob()
        address = ctypes.addressof(blob)
    blob.data, blob.size = data, len(data)
    code: int = _write(entity, address)
    _blobs.append((blob, address))
    return code


def _handles(function: ctypes._NamedFuncPointer, entity: int) -> list[int]:
    count = function(entity, None, 0)
    if count <= 0:
        return []
    buffer = (_u64 * (count + 8))()  # room for peers that match between the two calls
    count = function(entity, buffer, len(buffer))
    return list(buffer[: max(0, min(count, len(buffer)))])


def matched_readers(writer: int) -> list[int]:
    """Instance handles (uint64) of the readers that a writer is matched with."""
    return _handles(_matched_subscriptions, writer)


def matched_writers(reader: int) -> list[int]:
    """Instance handles (uint64) of the writers that a reader is matched with."""
    return _handles(_matched_publications, reader)


def count_matched_readers(writer: int) -> int:
    """Number of readers that a writer is matched with; leaves the matched-status flags alone."""
    return max(0, _matched_subscriptions(writer, None, 0))


def count_matched_writers(reader: int) -> int:
    """Number of writers that a reader is matched with; leaves the matched-status flags alone."""
    return max(0, _matched_publications(reader, None, 0))
