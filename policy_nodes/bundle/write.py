"""Writes bundles so that a reader sees the old one or the new one, whole, and never anything between."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from policy_nodes.bundle.files import COPY_AGAIN
from policy_nodes.bundle.hashing import manifest_digest, sha256_file
from policy_nodes.bundle.limits import MANIFEST_NAME
from policy_nodes.bundle.load import Bundle, load_bundle, readable
from policy_nodes.bundle.manifest import SCHEMA_VERSION, Manifest
from policy_nodes.errors import BundleError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def write_bundle(directory: str | Path, manifest: Mapping[str, Any], files: Mapping[str, Path | bytes]) -> Bundle:
    """Write a bundle, check it as a reader would, and only then put it in place.

    Args:
        directory: the ``NAME.keel`` directory; an existing bundle there is replaced, anything else is left alone.
        manifest: every field of the manifest but ``files``, ``digest`` and ``schema_version``; values may be JSON or
            models of ``manifest.py``.
        files: contents by file name, as bytes or as a path to copy from.

    Returns:
        The loaded bundle.

    Raises:
        BundleError: the result would not load, or ``directory`` exists and is not a bundle.

    A signature of a replaced bundle goes with it: it was not made for this content.
    """
    target = Path(directory).expanduser().absolute()
    if target.is_symlink() or (target.exists() and not (target / MANIFEST_NAME).is_file()):
        raise BundleError(f"'{target}' exists and is not a bundle.", "choose another path, or remove it")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        temporary.chmod(0o755)
        hashes = {name: _place(temporary, name, source) for name, source in files.items()}
        raw = _complete(manifest, dict(sorted(hashes.items())), target.name)
        _write(temporary / MANIFEST_NAME, (json.dumps(raw, indent=2, allow_nan=False) + "\n").encode())
        try:
            checked = load_bundle(temporary, require_signature=False)  # it cannot be signed yet
        except BundleError as error:
            raise BundleError(error.cause.replace(temporary.name, target.name), error.fix) from None
        _sync(temporary)
        put_directory(temporary, target)
        _sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Bundle(target.resolve(), checked.manifest)


def update_manifest(bundle: Bundle, files: Mapping[str, Path | bytes | None] | None = None, **changes: Any) -> Bundle:
    """Replace fields of a bundle's manifest, and add, replace or drop files, in one step.

    Args:
        bundle: the bundle to change, as loaded.
        files: contents by name; None drops the file.
        changes: top-level fields, e.g. ``provenance=bundle.manifest.provenance.model_copy(update={"success": s})``.

    Returns:
        The bundle as it now lies on disk.

    Raises:
        BundleError: the bundle changed on disk since it was loaded, or the result would not load.
    """
    current = load_bundle(bundle.path, require_signature=False)  # whether it may run was asked when it was loaded
    if current.manifest.digest != bundle.manifest.digest:
        raise BundleError(f"{bundle.path.name} changed on disk while it was being updated.", "run the command again")
    contents: dict[str, Path | bytes | None] = {name: bundle.path / name for name in current.manifest.files}
    contents.update(files or {})
    fields = current.manifest.model_dump(mode="json") | changes
    return write_bundle(bundle.path, fields, {name: data for name, data in contents.items() if data is not None})


def _json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    return value


def _complete(fields: Mapping[str, Any], files: dict[str, str], name: str) -> dict[str, Any]:
    """The manifest as JSON, with every default spelled out, its file hashes and its digest."""
    own = {"schema_version": SCHEMA_VERSION, "files": files, "digest": "0" * 64}
    try:
        model = Manifest.model_validate({key: _json(value) for key, value in fields.items()} | own)
    except ValidationError as error:
        cause = f"{name}/{MANIFEST_NAME} is invalid: {'; '.join(readable(error))}."
        raise BundleError(cause, "correct the named fields before writing the bundle") from None
    raw = model.model_dump(mode="json")
    return raw | {"digest": manifest_digest(raw)}


def _place(directory: Path, name: str, source: Path | bytes) -> str:
    """Put one file into the directory; returns its SHA-256."""
    path = directory / name
    if path.parent != directory or name in (MANIFEST_NAME, "", ".", ".."):
        raise BundleError(f"'{name}' is not a file name for a bundle.", "use a plain name without directories")
    try:
        _write(path, source if isinstance(source, bytes) else source.read_bytes())
    except OSError as error:
        raise BundleError(
            f"cannot copy '{source if isinstance(source, Path) else name}': {error}.", COPY_AGAIN
        ) from None
    return sha256_file(path)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(directory: Path) -> None:
    """Make a directory's entries durable; file systems that cannot are left to their own rules."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def put_directory(temporary: Path, target: Path) -> None:
    """Move ``temporary`` to ``target``; what lay there is afterwards at ``temporary``.

    A directory cannot be renamed over another that is not empty, so an existing bundle is exchanged in one system
    call where Linux offers it (renameat2, kernel 3.15), and otherwise moved aside and restored on failure.
    """
    if not target.exists():
        temporary.rename(target)
        return
    if _exchange(temporary, target):
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    aside.rmdir()
    target.rename(aside)
    try:
        temporary.rename(target)
    except OSError:
        aside.rename(target)
        raise
    aside.rename(temporary)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two directories atomically; False where the kernel or file system cannot."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    return call(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0
