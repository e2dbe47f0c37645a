"""Whose bundles this machine runs: a directory of public keys, and the rule that refuses everything else.

Hashes prove that nothing changed by accident; only a signature by a known key proves who made a bundle.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from policy_nodes.bundle.keys import PUBLIC_SUFFIX, fingerprint, load_public, raw_public
from policy_nodes.bundle.signature import Signature
from policy_nodes.errors import BundleError, ConfigError

VARIABLE = "KEEL_TRUSTED_KEYS"
MAX_KEYS = 256


def trusted_directory(environment: Mapping[str, str] | None = None) -> Path | None:
    """The directory that ``KEEL_TRUSTED_KEYS`` names; None where it is unset or empty."""
    text = (os.environ if environment is None else environment).get(VARIABLE, "").strip()
    return Path(text).expanduser() if text else None


def load_trusted(directory: Path) -> dict[bytes, str]:
    """Public keys (32 bytes) in ``*.pub`` of a directory, and the file name of each.

    Raises:
        ConfigError: not a directory, writable by everybody, no keys in it, or a file that is no key.
    """
    if not directory.is_dir():
        raise ConfigError(
            f"'{directory}' is not a directory of trusted keys.", f"put *.pub files there, or unset {VARIABLE}"
        )
    files = sorted(directory.glob(f"*{PUBLIC_SUFFIX}"))[: MAX_KEYS + 1]
    if not files:
        raise ConfigError(f"'{directory}' holds no trusted key (*{PUBLIC_SUFFIX}).", "copy a public key into it")
    if len(files) > MAX_KEYS:
        raise ConfigError(f"'{directory}' holds more than {MAX_KEYS} keys.", "remove those no longer in use")
    for item in (directory, *files):
        if item.stat().st_mode & 0o002:
            raise ConfigError(f"'{item}' can be written by everybody, so it proves nothing.", f"chmod o-w {item}")
    return {raw_public(load_public(file)): file.name for file in files}


def judge(
    name: str, signature: Signature | None, *, required: bool | None = None, directory: Path | None = None
) -> Signature | None:
    """Apply this machine's rule to a bundle's signature.

    Args:
        name: of the bundle, for errors.
        signature: as read from it, None when it has none.
        required: refuse what is not signed by a trusted key; None means: exactly when trusted keys are configured.
        directory: of trusted keys; that of ``KEEL_TRUSTED_KEYS`` when None.

    Returns:
        The signature with ``trusted`` set as found.

    Raises:
        BundleError: a signature is required and absent, or made by an unknown key.
        ConfigError: the directory is unusable, or a signature is required and no directory is configured.
    """
    directory = directory or trusted_directory()
    if required is None:
        required = directory is not None
    if directory is None:
        if required:
            raise ConfigError(
                "A signature is required, but no trusted keys are configured.",
                f"set {VARIABLE} to a directory of *{PUBLIC_SUFFIX} files",
            )
        return signature
    known = load_trusted(directory)
    if signature is not None and signature.public_key in known:
        return replace(signature, trusted=True)
    if not required:
        return signature
    if signature is None:
        raise BundleError(f"{name} is not signed, and this machine runs signed bundles only.", "sign it: keel sign")
    listed = ", ".join(f"{file} ({fingerprint(key)})" for key, file in list(known.items())[:6])
    raise BundleError(
        f"{name} is signed by key {signature.key_id}, which this machine does not trust (it trusts {listed}).",
        f"have it signed by a trusted key, or add the signer's public key to '{directory}'",
    )
