"""Sign a bundle with an Ed25519 key, or make a pair of keys.

The signature lies in the bundle as `signature.json` and covers its manifest, and through it every file. A robot with
`KEEL_TRUSTED_KEYS` set to a directory of public keys then runs signed bundles only. Commands that change a bundle
(`keel calibrate`, `keel evaluate`) drop its signature: sign last.

Examples:
    keel sign --generate release.key
    keel sign pick_place.keel --key release.key
    KEEL_TRUSTED_KEYS=/etc/keel/trusted_keys keel verify pick_place.keel
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import tyro

from policy_nodes.bundle import keys
from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.signature import write_signature
from policy_nodes.errors import ConfigError


@dataclass(frozen=True)
class Args:
    """Options of ``keel sign``."""

    bundle: tyro.conf.Positional[Path | None] = None
    """The NAME.keel directory."""
    key: Path | None = None
    """Private key to sign with; its password, if it has one, is taken from KEEL_KEY_PASSWORD."""
    generate: Path | None = None
    """Make this private key and, beside it, the public key with the suffix .pub."""


def run(args: Args) -> int:
    """Make keys, sign, or both; returns the exit code.

    Raises:
        ConfigError: options that do not belong together, or a key that cannot be used.
        BundleError: the bundle would not load, so it is not worth signing.
    """
    password = os.environ.get(keys.PASSWORD_VARIABLE, "").encode() or None
    if args.generate is not None:
        if args.key is not None:
            raise ConfigError("--key and --generate exclude each other.", "generate first, then sign with the new key")
        private, public = keys.generate_pair(args.generate.expanduser(), password)
        name = keys.fingerprint(keys.raw_public(keys.load_public(public)))
        protection = "encrypted" if password else f"not encrypted; set {keys.PASSWORD_VARIABLE} to encrypt it"
        print(f"key {name}: {private} (secret, {protection}), {public} (for KEEL_TRUSTED_KEYS)")
        if args.bundle is None:
            return 0
    elif args.bundle is None or args.key is None:
        raise ConfigError("Nothing to sign.", "give a bundle and --key KEY, or --generate KEY")
    source = args.key or args.generate
    assert source is not None and args.bundle is not None
    key = keys.load_private(source.expanduser(), password)
    bundle = load_bundle(args.bundle, require_signature=False)
    signature = write_signature(bundle.path, bundle.manifest.digest, key)
    print(f"signed {bundle.path} (digest {bundle.manifest.digest[:16]}) with key {signature.key_id}")
    return 0
