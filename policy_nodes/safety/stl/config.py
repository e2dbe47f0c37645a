"""The section ``temporal_logic`` of ``safety.yaml``: a list of named formulas with reactions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from policy_nodes.safety.schema import Label, Strict


class SpecificationConfig(Strict):
    """One formula that must hold while the policy moves the robot."""

    name: Label
    formula: Annotated[str, Field(min_length=1, max_length=4096)]
    reaction: Literal["warn", "hold", "stop"] = "stop"
    unit: Literal["s", "ms", "us", "ns", "samples"] = "s"
    """Of window bounds that name no unit; rtamt's default is seconds."""
    margin: FiniteFloat = 0.0
    """Violated where the robustness is below this, in the unit of the formula's comparisons."""
    on: Literal["auto", "trace", "prediction", "both"] = "auto"
    """Where the formula is judged: on what was executed, on what the chunk will do, or both. ``auto``: the prediction
    for formulas about the future, the executed trace for all others."""
