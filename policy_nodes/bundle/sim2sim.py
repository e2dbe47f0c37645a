"""The sim-to-sim gate in a manifest: under which changed dynamics the deployed code was tried, and what it must reach.

A policy that only works in the simulator it was trained in will not work on a robot. The gate repeats its task with
other friction, masses, motors, sensors, delays and another integrator (``keel evaluate --shifted``); thresholds and
results travel with the bundle, so that a later version is held to the same bar.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from policy_nodes.bundle.words import Name, Text


class ShiftRow(BaseModel):
    """One changed world: what had to be reached in it, and what was."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shift: Name
    description: Text
    min_success: Annotated[FiniteFloat, Field(ge=0, le=1)]
    """Smallest share of successful episodes that passes."""
    max_error: Annotated[FiniteFloat, Field(gt=0)] | None = None
    """Largest error that passes (velocity tracking: m/s, root mean square); None where the task has no such figure."""
    episodes: Annotated[int, Field(ge=1, le=1_000_000)]
    successes: Annotated[int, Field(ge=0)]
    error: Annotated[FiniteFloat, Field(ge=0)] | None = None
    """Measured over the successful episodes; None when there was none."""

    @property
    def passed(self) -> bool:
        """Whether this world is within its thresholds."""
        enough = self.successes >= self.min_success * self.episodes - 1e-9
        precise = self.max_error is None or (self.error is not None and self.error <= self.max_error)
        return enough and precise

    @model_validator(mode="after")
    def _counts_agree(self) -> ShiftRow:
        if self.successes > self.episodes:
            raise ValueError(f"shift '{self.shift}': {self.successes} successes of {self.episodes} episodes")
        return self


class Sim2Sim(BaseModel):
    """A run of the gate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_seed: Annotated[int, Field(ge=0)]
    policy_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the ``policy.onnx`` that was measured; another graph has not passed this gate."""
    rows: Annotated[list[ShiftRow], Field(min_length=1, max_length=256)]

    @property
    def failed(self) -> list[str]:
        """Names of the shifts that did not pass."""
        return [row.shift for row in self.rows if not row.passed]

    @model_validator(mode="after")
    def _named_once(self) -> Sim2Sim:
        names = [row.shift for row in self.rows]
        if len(set(names)) != len(names):
            raise ValueError("a shift appears twice")
        return self
