"""The section ``backups`` of ``safety.yaml``: how the backups that are not plain stops behave."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat

from policy_nodes.safety.schema import Seconds, Strict

Share = Annotated[FiniteFloat, Field(gt=0, le=1)]


class BackupConfig(Strict):
    """Parameters of the backups that are not plain stops."""

    damping_s: Annotated[FiniteFloat, Field(gt=0, le=2)] = 0.15
    """Time constant with which ``damped_stop`` lets the velocity decay."""
    rewind_s: Seconds = 2.0
    """How much of the travelled path ``rewind`` goes back, in seconds of its original motion."""
    rewind_speed: Share = 0.3
    """Largest speed on the way back, as a share of the original one."""
    home: Annotated[list[FiniteFloat], Field(max_length=256)] | None = None
    """Joint positions that ``home`` moves to, in command order (rad or m)."""
    home_speed: Share = 0.2
    """Share of the velocity, acceleration and jerk limits that the move home may use."""
    sit: Annotated[list[FiniteFloat], Field(max_length=256)] | None = None
    """Joint positions in which a legged robot rests on its belly, in command order (rad)."""
    sit_s: Seconds = 1.5
    """How long ``sit_down`` takes after the stop."""
    stand: Annotated[list[FiniteFloat], Field(max_length=256)] | None = None
    """Joint positions of the stand, in command order (rad)."""
    stand_s: Seconds = 0.6
    """How long ``stand`` takes after the stop."""
    damping_gain_s: Annotated[FiniteFloat, Field(ge=0, le=1)] = 0.05
    """``damping`` asks for ``position - damping_gain_s * velocity``: the damping added to the drive's, over its
    stiffness (N m s/rad over N m/rad)."""
    damping_limit_s: Seconds = 3.0
    """``damping`` ends after this time also if something keeps the joints moving."""
