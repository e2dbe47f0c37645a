"""SHA-256 (FIPS 180-4) of files, and of JSON values in one canonical form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """Digest of ``data`` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Digest of a file, read in blocks of 1 MiB.

    Raises:
        OSError: the file cannot be read.
    """
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            state.update(block)
    return state.hexdigest()


def canonical_json(value: Any) -> bytes:
    """One byte string per JSON value: sorted keys, no spaces, ASCII, shortest round-trip floats.

    Raises:
        ValueError: the value holds NaN or an infinity, which JSON cannot express.
        TypeError: the value is not a JSON value.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii")


def manifest_digest(fields: Mapping[str, Any]) -> str:
    """Digest of a manifest: SHA-256 of the canonical JSON of every field except ``digest`` itself.

    It is taken of the JSON as written, not of the validated model, so that a later schema with more defaults still
    reproduces the digest of an old bundle.
    """
    return sha256_bytes(canonical_json({key: value for key, value in fields.items() if key != "digest"}))
