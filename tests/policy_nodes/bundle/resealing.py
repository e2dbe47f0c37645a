"""Edits a bundle and makes its hashes right again, as somebody would who knows the format."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from policy_nodes.bundle.hashing import manifest_digest, sha256_file


def edit_manifest(path: Path, change: Callable[[dict[str, Any]], object], *, reseal: bool = True) -> None:
    """Apply ``change`` to the manifest's JSON; with ``reseal`` the digest is recomputed."""
    raw = json.loads((path / "manifest.json").read_text())
    change(raw)
    if reseal:
        raw["digest"] = manifest_digest(raw)
    (path / "manifest.json").write_text(json.dumps(raw))


def replace_file(path: Path, name: str, data: bytes) -> None:
    """Replace or add a file and list it with its new hash."""
    (path / name).write_bytes(data)
    edit_manifest(path, lambda raw: raw["files"].update({name: sha256_file(path / name)}))
