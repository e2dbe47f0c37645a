"""The section ``attitude`` of ``safety.yaml``: when a legged robot counts as fallen."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat

from policy_nodes.safety.schema import Strict

Tilt = Annotated[FiniteFloat, Field(gt=0, le=3.15)]


class AttitudeConfig(Strict):
    """The section ``attitude`` of ``safety.yaml``."""

    term: str = "projected_gravity"
    """Observation term (3,) with the direction of gravity in the trunk's frame: (0, 0, -1) when upright."""
    max_tilt: Tilt = 1.0
    """Beyond this angle the robot counts as fallen, rad."""
    enable_tilt: Tilt = 0.3
    """Motion is enabled only below this angle, rad."""
