"""Which bundles walk, and on which simulated robot."""

from __future__ import annotations

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.errors import ConfigError

WALKERS = ("unitree_go1",)
"""Robots whose gaits can be walked here (``sim.tasks.velocity.simulated_robot``)."""


def is_gait(manifest: Manifest) -> bool:
    """Whether a bundle walks on command: it observes a planar velocity, and its robot has a simulator here.

    Raises:
        ConfigError: it walks, but no simulated robot of its name exists; another robot's would be a wrong answer.
    """
    if not any(term.field == "planar" for term in manifest.terms):
        return False
    if manifest.robot not in WALKERS:
        raise ConfigError(
            f"'{manifest.name}' is a gait of '{manifest.robot}', for which there is no simulator.",
            f"robots that walk here: {', '.join(WALKERS)}.",
        )
    return True
