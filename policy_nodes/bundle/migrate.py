"""Brings the manifest of an older schema to the current one, one version at a time.

The digest, and so the signature, is of the JSON as written: it is checked before anything is migrated and stays the
identity of the bundle. Nothing on disk is changed; the next write of the bundle writes the current schema.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from policy_nodes.bundle.manifest import SCHEMA_VERSION
from policy_nodes.errors import BundleError

Migration = Callable[[dict[str, Any]], dict[str, Any]]

MIGRATIONS: dict[int, Migration] = {}
"""Version *n* -> function from a manifest of version *n* to one of *n* + 1. Version 1 is the first, so: none yet.

A function gets a copy it may change, and leaves ``schema_version`` alone. It must not guess: a field without which the
robot could be moved wrongly, and which the old version did not hold, is a reason to raise ValueError.
"""


def migrate(
    raw: dict[str, Any],
    where: str,
    *,
    migrations: Mapping[int, Migration] | None = None,
    target: int = SCHEMA_VERSION,
) -> dict[str, Any]:
    """A manifest of version ``target`` with the meaning of ``raw``, whose ``schema_version`` is an int up to it.

    Args:
        raw: the manifest's JSON, left as it is.
        where: how errors name it.
        migrations: ``MIGRATIONS`` unless a test brings its own.
        target: version to arrive at.

    Raises:
        BundleError: older than every migration, or a migration refused.
    """
    steps = MIGRATIONS if migrations is None else migrations
    version = raw["schema_version"]
    if version == target:
        return raw
    current = copy.deepcopy(raw)
    while version < target:
        if version not in steps:
            oldest = min((first for first in steps if first <= target), default=target)
            raise BundleError(
                f"{where} has schema version {version}, this Keel reads {oldest} to {target}.",
                "export the policy again with 'keel export'",
            )
        try:
            current = steps[version](current)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise BundleError(
                f"{where} cannot be brought from schema version {version} to {version + 1}: {error}.",
                "export the policy again with 'keel export'",
            ) from None
        version += 1
        current["schema_version"] = version
    return current
