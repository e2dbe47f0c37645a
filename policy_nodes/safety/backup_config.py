"""The section ``backups`` of ``safety.yaml``: how the backups that are not plain stops behave."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat

from policy_nodes.safety.schema import Seconds, Strict

Share = Annotated[FiniteFloat, Field(gt=0, le=1)]


class BackupConfig(Strict):
    """Parameters of ``damped_stop``, ``rewind`` and ``home``."""

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
