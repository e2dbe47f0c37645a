"""What a task offers to whoever wants to see its policy fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policy_nodes.monitors.phases import CallBins, ToolPhases
from training.disturbances.cause import Cause
from training.disturbances.harm import Harm


@dataclass(frozen=True)
class Disturbances:
    """Causes of failure and harms of one task.

    Attributes:
        make_causes: one fresh object per cause, in a fixed order.
        make_harm: the task's harm, given its world.
        phases: of the task, for thresholds by phase.
    """

    make_causes: Callable[[], list[Cause]]
    make_harm: Callable[[object], Harm]
    phases: CallBins | ToolPhases
