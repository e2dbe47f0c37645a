"""The section ``backups`` of ``safety.yaml``: how the backups that are not plain stops behave."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FiniteFloat, model_validator

from policy_nodes.safety.filter.config import Vector
from policy_nodes.safety.schema import Label, Positive, Seconds, Strict

Share = Annotated[FiniteFloat, Field(gt=0, le=1)]


class StlMpcConfig(Strict):
    """``stl_mpc``: what the search plans for, in signals of the arm's geometry (section ``filter``).

    Formulas may use ``reach``, the distance (m) of the tool from the goal, ``clear``, the smallest distance (m) of the
    filter's barriers, and ``inside``, the smallest distance (rad or m) from a position limit; a sample per ``step_s``.
    """

    link: Label
    """Link that carries the tool."""
    point: Vector = Field(default_factory=lambda: [0.0, 0.0, 0.0])
    """The tool in the frame of that link, m."""
    goal: Vector | None = None
    """Where the tool shall go, base frame, m."""
    goal_term: Label | None = None
    """Instead: the observation term that begins with the goal's position."""
    safe: str = "always(clear > 0.0) and always(inside > 0.0)"
    """What no plan may violate."""
    task: str = "eventually(always(reach < 0.05))"
    """What the plan shall satisfy, or come nearest to."""
    margin: Annotated[FiniteFloat, Field(ge=0)] = 0.03
    """Robustness that plans ask for in both formulas; less of ``safe`` only where no plan has so much."""
    steps: Annotated[int, Field(ge=2, le=30)] = 15
    """Length of a plan."""
    step_s: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.1
    """Time between two samples of a plan, after which it is made anew."""
    speed: Positive = 1.0
    """Largest speed of any joint in a plan, rad/s or m/s."""
    detours: Annotated[int, Field(ge=0, le=16)] = 6
    """Ways around what lies between tool and goal that are tried."""
    detour: Positive = 0.2
    """How far they lead aside, m."""
    limit_s: Seconds = 8.0
    """The search is given up for the stop after this time."""

    @model_validator(mode="after")
    def _one_goal(self) -> StlMpcConfig:
        if (self.goal is None) == (self.goal_term is None):
            raise ValueError("stl_mpc: give either goal or goal_term")
        return self


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
    stl_mpc: StlMpcConfig | None = None
    """Goal, formulas and size of the search of ``stl_mpc``."""
