"""Detached Ed25519 signature of a bundle: ``signature.json`` beside the manifest, over the manifest's digest.

The digest covers every field of the manifest and the manifest holds the SHA-256 of every file, so one signature covers
the bundle. The signed text begins with its purpose, so that a signature made for something else is worth nothing here.

Source: RFC 8032 (Ed25519).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from policy_nodes.bundle.keys import fingerprint, raw_public
from policy_nodes.bundle.limits import MAX_SIGNATURE_BYTES, SIGNATURE_NAME
from policy_nodes.bundle.strict_json import parse_json_object
from policy_nodes.errors import BundleError

ALGORITHM = "ed25519"
_PURPOSE = b"keel bundle signature 1\n"
_KEYS = ("algorithm", "digest", "public_key", "signature")
_SIGN_AGAIN = f"sign the bundle again with 'keel sign', or remove {SIGNATURE_NAME}"


@dataclass(frozen=True)
class Signature:
    """A signature that fits the bundle it lies in; whether its key is trusted is another question (``trust``).

    Attributes:
        public_key: 32 bytes of the signer's key.
        trusted: the key is one of those this machine trusts.
    """

    public_key: bytes
    trusted: bool = False

    @property
    def key_id(self) -> str:
        """Fingerprint of the key."""
        return fingerprint(self.public_key)


def signed_text(digest: str) -> bytes:
    """What is signed for a manifest of this digest (64 hexadecimal digits)."""
    return _PURPOSE + digest.encode("ascii") + b"\n"


def make_signature(digest: str, key: Ed25519PrivateKey) -> bytes:
    """Contents of ``signature.json`` for a manifest of this digest."""
    fields = {
        "algorithm": ALGORITHM,
        "digest": digest,
        "public_key": base64.b64encode(raw_public(key.public_key())).decode("ascii"),
        "signature": base64.b64encode(key.sign(signed_text(digest))).decode("ascii"),
    }
    return (json.dumps(fields, indent=2) + "\n").encode("ascii")


def write_signature(path: Path, digest: str, key: Ed25519PrivateKey) -> Signature:
    """Sign the bundle in directory ``path``, whose manifest has this digest; an older signature is replaced.

    Raises:
        BundleError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.signature.tmp")  # a bundle holds nothing unlisted
    try:
        temporary.write_bytes(make_signature(digest, key))
        temporary.replace(path / SIGNATURE_NAME)
    except OSError as error:
        raise BundleError(f"cannot sign '{path}': {error.strerror}.", "make the bundle writable") from error
    finally:
        temporary.unlink(missing_ok=True)
    return Signature(raw_public(key.public_key()))


def read_signature(path: Path, digest: str) -> Signature | None:
    """The signature of the bundle in directory ``path``, proven to be one of this digest; None where there is none.

    Raises:
        BundleError: the file is a link, too large, malformed, or the signature is not of this bundle.
    """
    file = path / SIGNATURE_NAME
    if not os.path.lexists(file):
        return None
    where = f"{path.name}: '{SIGNATURE_NAME}'"
    if file.is_symlink() or not file.is_file():
        raise BundleError(f"{where} is not a plain file.", _SIGN_AGAIN)
    with file.open("rb") as stream:
        data = stream.read(MAX_SIGNATURE_BYTES + 1)
    if len(data) > MAX_SIGNATURE_BYTES:
        raise BundleError(f"{where} is larger than {MAX_SIGNATURE_BYTES} bytes.", _SIGN_AGAIN)
    try:
        fields = parse_json_object(data)
        if sorted(fields) != sorted(_KEYS) or not all(isinstance(value, str) for value in fields.values()):
            raise ValueError(f"needs exactly the texts {', '.join(_KEYS)}")
        if fields["algorithm"] != ALGORITHM:
            raise ValueError(f"algorithm is {fields['algorithm'][:40]!r}, expected {ALGORITHM!r}")
        public, proof = (base64.b64decode(fields[key], validate=True) for key in ("public_key", "signature"))
        key = Ed25519PublicKey.from_public_bytes(public)
    except (ValueError, binascii.Error) as error:
        raise BundleError(f"{where} is malformed: {error}.", _SIGN_AGAIN) from None
    if fields["digest"] != digest:
        raise BundleError(f"{where} is of another state of the bundle (digest differs).", _SIGN_AGAIN)
    try:
        key.verify(proof, signed_text(digest))
    except InvalidSignature:
        raise BundleError(f"{where} is forged or damaged: it does not verify with its key.", _SIGN_AGAIN) from None
    return Signature(public)
