"""Ed25519 keys (RFC 8032) of those who may release bundles: made, stored as PEM, and named by fingerprint."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from policy_nodes.errors import ConfigError

PASSWORD_VARIABLE = "KEEL_KEY_PASSWORD"
PUBLIC_SUFFIX = ".pub"
MAX_KEY_BYTES = 16_384
_MAKE_ONE = "make a pair with 'keel sign --generate NAME.key'"


def raw_public(key: Ed25519PublicKey) -> bytes:
    """The key's 32 bytes (RFC 8032, section 5.1.5)."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def fingerprint(public: bytes) -> str:
    """Name of a public key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public).hexdigest()[:16]


def generate_pair(path: Path, password: bytes | None = None) -> tuple[Path, Path]:
    """Make a key pair: ``path`` (PKCS #8 PEM, mode 600) and ``path`` with the suffix ``.pub`` (PEM).

    Args:
        path: of the private key; neither file may exist.
        password: encrypts the private key; None stores it in the clear.

    Raises:
        ConfigError: a file exists already, or cannot be written.
    """
    public_path = path.with_suffix(PUBLIC_SUFFIX)
    if path == public_path:
        raise ConfigError(f"'{path}' names the public key.", f"choose a name that does not end in {PUBLIC_SUFFIX}")
    key = Ed25519PrivateKey.generate()
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for target in (path, public_path):
        if os.path.lexists(target):
            raise ConfigError(f"'{target}' exists already.", "choose another name; keys are never overwritten")
    try:
        _create(path, private, 0o600)
        _create(public_path, public, 0o644)
    except OSError as error:
        raise ConfigError(f"cannot write the key pair '{path}': {error.strerror}.", "choose another place") from error
    return path, public_path


def _create(path: Path, data: bytes, mode: int) -> None:
    """Write a new file with its final rights from the first byte on."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path)  # unlike rename it fails when the name is taken meanwhile
    finally:
        temporary.unlink()


def load_private(path: Path, password: bytes | None = None) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        ConfigError: missing, readable by others, not PEM, of another kind, or the password is wrong.
    """
    data = _read(path)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"private key '{path}' can be read by others.", f"chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"'{path}' is not a private key that can be opened: {error}.",
            f"{_MAKE_ONE}; the password of an encrypted key is taken from {PASSWORD_VARIABLE}",
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"'{path}' is not an Ed25519 key.", _MAKE_ONE)
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
        ConfigError: missing, not PEM, or of another kind.
    """
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"'{path}' is not a public key in PEM: {error}.", _MAKE_ONE) from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"'{path}' is not an Ed25519 key.", _MAKE_ONE)
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read key '{path}': {error.strerror}.", _MAKE_ONE) from None
    if len(data) > MAX_KEY_BYTES:
        raise ConfigError(f"'{path}' is too large for a key.", _MAKE_ONE)
    return data
