"""Task phases: which part of the task a policy call belongs to, as a function of what the monitor sees on line.

A phase may depend on the call only through its index or its inputs, never on the scores: Mondrian calibration
(Vovk et al., *Algorithmic Learning in a Random World*, 2005, section 4.5) needs categories that are fixed beforehand.
"""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from policy_nodes.monitors.interface import CallFeatures


class Phases(Protocol):
    """Assigns calls to phases."""

    @property
    def names(self) -> tuple[str, ...]:
        """One name per phase."""

    def of(self, index: int, call: CallFeatures) -> int:
        """Phase of call ``index`` (from 0) of an episode."""


class CallBins(BaseModel):
    """Phases by call index: bin k holds the calls from ``edges[k - 1]`` to before ``edges[k]``.

    Attributes:
        edges: first call of every bin but the first, increasing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["calls"] = "calls"
    edges: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1, max_length=63)]

    @model_validator(mode="after")
    def _increasing(self) -> CallBins:
        if any(b <= a for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError(f"edges {self.edges} must increase")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Such as ``calls 0-9`` and ``calls 10-``."""
        first = (0, *self.edges)
        last = (*(str(edge - 1) for edge in self.edges), "")
        return tuple(f"calls {a}-{b}" for a, b in zip(first, last, strict=True))

    def of(self, index: int, call: CallFeatures) -> int:
        """Number of edges at or before ``index``."""
        return int(np.searchsorted(self.edges, index, side="right"))


class ToolPhases(BaseModel):
    """Four phases of picking and placing, from the first step of the sampled chunks (medians over the samples).

    Attributes:
        gripper: index of the gripper in the action; larger is wider.
        closed_below: commanded opening below which the gripper counts as closed, contract units.
        low_below: tool height below which it counts as low, m, base frame.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["tool"] = "tool"
    gripper: Annotated[int, Field(ge=0, le=1023)]
    closed_below: FiniteFloat
    low_below: FiniteFloat

    @property
    def names(self) -> tuple[str, ...]:
        """Free motion, at the object, holding it low, carrying it."""
        return ("open high", "open low", "closed low", "closed high")

    def of(self, index: int, call: CallFeatures) -> int:
        """Phase of a call; positions that are not finite count as open and high, where they alarm like anywhere."""
        opening = float(np.median(call.chunks[:, 0, self.gripper]))
        height = float(np.median(call.positions[:, 0, 2]))
        closed, low = opening < self.closed_below, height < self.low_below
        if closed:
            return 2 if low else 3
        return 1 if low else 0


PhaseSpec = Annotated[CallBins | ToolPhases, Field(discriminator="kind")]
"""What an artefact stores."""
