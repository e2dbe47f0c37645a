"""The section ``recoverability`` of ``safety.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from policy_nodes.safety.schema import Seconds, Strict


class RecoverabilityConfig(Strict):
    """How far ahead the backup is simulated in every control period; needs the geometry in ``filter``."""

    horizon_s: Seconds = 1.0
    """A stop that takes longer counts as impossible."""
    checks: Annotated[int, Field(ge=2, le=512)] = 24
    """Configurations of the simulated stop that are examined, at most: bounds the cost of a tick."""
