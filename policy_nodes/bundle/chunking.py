"""Settings of real-time execution in a manifest: when to plan again, and how a chunk begins from the one before.

The defaults are what bundles without these fields have always done: one chunk per execution horizon, newest wins.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from policy_nodes.bundle.words import Name

Replan = Literal["fixed", "on_remaining", "on_event"]
Combine = Literal["newest", "blend", "ensemble"]
Method = Literal["full", "warm_start", "guided", "prefix"]
"""How a graph makes a chunk: from noise; from the shifted previous chunk (RTI-DP); from noise, pulled towards the
previous chunk (RTC); from noise behind a fixed beginning (training-time RTC)."""


class Chunking(BaseModel):
    """When the next chunk is asked for and what becomes of the one before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replan: Replan = "fixed"
    """``fixed``: every execution horizon. ``on_remaining``: when that many steps are left. ``on_event``: as ``fixed``,
    and at once when an observation jumps."""
    remaining_steps: Annotated[int, Field(ge=1, le=1024)] = 8
    """Steps of the newest chunk that are left when ``on_remaining`` plans again, on top of the expected delay."""
    event_fraction: Annotated[FiniteFloat, Field(gt=0, le=1)] = 0.05
    """A change of an element by this share of its contract range between two control periods is an event."""
    combine: Combine = "newest"
    """``blend`` passes from the previous chunk to the new one over their overlap, by the prefix weights; ``ensemble``
    averages all chunks that speak about an instant (ACT's temporal ensembling)."""
    ensemble_decay: Annotated[FiniteFloat, Field(ge=0, le=10)] = 0.01
    """m of the weights exp(-m i), i = 0 for the oldest chunk."""
    delay_window: Annotated[int, Field(ge=1, le=1000)] = 10
    """The expected delay is the longest of this many measured ones."""


class WarmStart(BaseModel):
    """Which further graph answers once there is a previous chunk, and when it must not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method = "full"
    """``full`` uses no previous chunk."""
    variant: Name | None = None
    """Name of the graph in ``policy.variants``; None takes the first of the method."""
    noise_scale: Annotated[FiniteFloat, Field(ge=0, le=1)] = 1.0
    """Share of the noise input of a warm start. A flow's guess is noised to where it starts on the path: without, the
    network sees a chunk cleaner than any it was trained on at that time, and the task fails. The steps of a diffusion
    policy add the noise of their level, as published."""
    restart_fraction: Annotated[FiniteFloat, Field(gt=0, le=1)] | None = None
    """Start from noise again when an observation changed by this share of its range since the last plan; None never
    does, as in the published results."""

    @model_validator(mode="after")
    def _consistent(self) -> WarmStart:
        if self.method == "full" and self.variant is not None:
            raise ValueError("warm_start.variant is given, but the method is 'full'")
        return self
