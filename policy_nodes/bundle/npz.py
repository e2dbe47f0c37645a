"""Looks into an ``.npz`` without unpacking it: shapes and types from the headers, object arrays and bombs refused."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from policy_nodes.bundle.limits import MAX_ARRAY_BYTES, MAX_ARRAYS

_KINDS = "?iufUS"


@dataclass(frozen=True)
class ArrayInfo:
    """Header of one array."""

    shape: tuple[int, ...]
    dtype: np.dtype


def inspect_npz(path: Path) -> dict[str, ArrayInfo]:
    """Read the headers of all arrays of an ``.npz``.

    Raises:
        ValueError: not an ``.npz``, an array that needs pickle, an unexpected member, a size that its header denies,
            or unpacked data beyond ``MAX_ARRAY_BYTES``; the text names the array.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, zipfile.LargeZipFile) as error:
        raise ValueError(f"not an .npz archive: {error}") from None


def _read(archive: zipfile.ZipFile) -> dict[str, ArrayInfo]:
    members = archive.infolist()
    if len(members) > MAX_ARRAYS:
        raise ValueError(f"holds {len(members)} members; at most {MAX_ARRAYS} are allowed")
    if sum(member.file_size for member in members) > MAX_ARRAY_BYTES:
        raise ValueError(f"unpacks to more than {MAX_ARRAY_BYTES >> 20} MiB")
    arrays: dict[str, ArrayInfo] = {}
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name == member.filename:
            raise ValueError(f"member {member.filename[:80]!r} is not an array (a pickle or a model checkpoint?)")
        if name in arrays:
            raise ValueError(f"array {name[:80]!r} appears twice")
        arrays[name] = _header(archive, member, name)
    return arrays


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> ArrayInfo:
    with archive.open(member) as stream:
        try:
            version = npy.read_magic(stream)
            reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = reader(stream)
            start = stream.tell()
        except (ValueError, TypeError, OverflowError, MemoryError, RecursionError) as error:
            raise ValueError(f"array {name[:80]!r} has a broken header: {str(error)[:200]}") from None
    if dtype.hasobject or dtype.kind not in _KINDS:
        raise ValueError(f"array {name[:80]!r} of type {str(dtype)[:40]} would need pickle or is not plain numbers")
    if any(size < 0 for size in shape) or start + math.prod(shape) * dtype.itemsize != member.file_size:
        raise ValueError(f"array {name[:80]!r} of shape {shape} disagrees with its {member.file_size} bytes")
    return ArrayInfo(shape, dtype)
