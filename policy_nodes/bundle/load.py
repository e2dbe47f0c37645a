"""Opens a bundle, or refuses it with the item at fault and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from policy_nodes.bundle.files import (
    COPY_AGAIN,
    EXPORT_AGAIN,
    check_contents,
    check_hashes,
    check_listing,
    read_manifest_bytes,
)
from policy_nodes.bundle.hashing import manifest_digest, sha256_bytes
from policy_nodes.bundle.limits import MANIFEST_NAME
from policy_nodes.bundle.manifest import SCHEMA_VERSION, Manifest
from policy_nodes.bundle.migrate import migrate
from policy_nodes.bundle.semantics import problems
from policy_nodes.bundle.signature import Signature, read_signature
from policy_nodes.bundle.strict_json import parse_json_object
from policy_nodes.bundle.trust import judge
from policy_nodes.errors import BundleError

_SHOWN = 6


@dataclass(frozen=True)
class Bundle:
    """A bundle that passed every check of ``load_bundle``.

    Attributes:
        path: its directory, absolute.
        manifest: the contract.
        signature: who signed it, None when nobody did.
    """

    path: Path
    manifest: Manifest
    signature: Signature | None = None

    def file(self, name: str) -> Path:
        """Path of a listed file.

        Raises:
            BundleError: the manifest does not list it.
        """
        if name not in self.manifest.files:
            listed = ", ".join(sorted(self.manifest.files))
            raise BundleError(
                f"{self.path.name}: has no '{name}' (it has {listed}).", _HOW_TO_GET.get(name, EXPORT_AGAIN)
            )
        return self.path / name

    def read(self, name: str) -> bytes:
        """Contents of a listed file, checked against its SHA-256 in the same read that returns them.

        Raises:
            BundleError: the manifest does not list it, it cannot be read, or it changed since export.
        """
        try:
            data = self.file(name).read_bytes()
        except OSError as error:
            raise BundleError(f"{self.path.name}: cannot read '{name}' ({error.strerror}).", COPY_AGAIN) from None
        if sha256_bytes(data) != self.manifest.files[name]:
            raise BundleError(f"{self.path.name}: '{name}' was changed after export (SHA-256 differs).", COPY_AGAIN)
        return data


_HOW_TO_GET = dict.fromkeys(("monitor.onnx", "calibration.npz"), "run 'keel calibrate' on the bundle first")


def parse_manifest(data: bytes, where: str = MANIFEST_NAME) -> Manifest:
    """Parse and check a manifest alone, without its files.

    Args:
        data: the file's bytes.
        where: how errors name it.

    Raises:
        BundleError: not JSON, of a newer schema, edited (digest differs), or invalid by type, range or meaning.
    """
    try:
        raw = parse_json_object(data)
    except ValueError as error:
        raise BundleError(f"{where} is not valid JSON: {error}.", COPY_AGAIN) from None
    version = raw.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int):  # True would pass for 1
        raise BundleError(f"{where} is invalid: schema_version is not a whole number.", EXPORT_AGAIN)
    if version > SCHEMA_VERSION:
        raise BundleError(
            f"{where} has schema version {str(version)[:20]}, this Keel reads up to {SCHEMA_VERSION}.",
            "update Keel on this machine",
        )
    if "digest" in raw and raw["digest"] != manifest_digest(raw):
        raise BundleError(
            f"{where} was edited after export (its digest differs).",
            "undo the edit; to change a value, export the policy again",
        )
    try:
        manifest = Manifest.model_validate(migrate(raw, where), strict=True)
    except ValidationError as error:
        raise BundleError(f"{where} is invalid: {'; '.join(readable(error))}.", EXPORT_AGAIN) from None
    found = problems(manifest)
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise BundleError(f"{where} contradicts itself: {'; '.join(found[:_SHOWN])}{more}.", EXPORT_AGAIN)
    return manifest


def readable(error: ValidationError) -> list[str]:
    """Pydantic's errors as ``actions.terms[0].minimum: message``, at most six and a count of the rest."""
    lines = []
    for item in error.errors(include_url=False, include_input=False)[:_SHOWN]:
        lines.append(f"{_place(item['loc'])}: {item['msg'].removeprefix('Value error, ')}"[:300])
    if error.error_count() > _SHOWN:
        lines.append(f"and {error.error_count() - _SHOWN} more")
    return lines


def _place(location: tuple[Any, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "manifest"


def load_bundle(
    path: str | Path,
    *,
    check_files: bool = True,
    require_signature: bool | None = None,
    trusted_keys: Path | None = None,
) -> Bundle:
    """Open a bundle and check all of it: manifest, signature, listing, hashes, contents, graph against contract.

    Args:
        path: the ``NAME.keel`` directory.
        check_files: also recompute the SHA-256 of every file. False saves reading large files once more when the
            caller reads them through ``Bundle.read``, which checks each on its own.
        require_signature: refuse a bundle that no trusted key has signed. None: exactly when trusted keys are
            configured, so that setting ``KEEL_TRUSTED_KEYS`` on a robot is enough.
        trusted_keys: directory of ``*.pub`` files; the one ``KEEL_TRUSTED_KEYS`` names when None.

    Raises:
        BundleError: naming the item at fault and the fix.
        ConfigError: the directory of trusted keys is missing or unusable.
    """
    try:
        resolved = Path(path).expanduser().resolve()
        data = read_manifest_bytes(resolved)
        manifest = parse_manifest(data, f"{resolved.name}/{MANIFEST_NAME}")
        found = read_signature(resolved, manifest.digest)
        signature = judge(resolved.name, found, required=require_signature, directory=trusted_keys)
        check_listing(resolved, manifest)
        if check_files:
            check_hashes(resolved, manifest)
        check_contents(resolved, manifest)
    except (OSError, RuntimeError) as error:
        raise BundleError(f"bundle '{path}' cannot be read: {error}.", "check the path and its permissions") from None
    return Bundle(resolved, manifest, signature)
