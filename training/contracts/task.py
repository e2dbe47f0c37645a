"""What a task must say about itself so that its policies can be trained, exported, calibrated and deployed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from policy_nodes.bundle.manifest import ActionSpec, ObservationFeature, Timing
from policy_nodes.safety.config import SafetyConfig


@dataclass(frozen=True)
class TaskContract:
    """The contract of one task.

    Attributes:
        name: key on the command line and in datasets.
        robot: robot name.
        instruction: the task in words, stored with every demonstration.
        observations: graph inputs, term by term.
        actions: commanded joints, chunking and the command topic.
        timing: rates and budgets.
        relative: per commanded joint, whether its target is learned relative to the measured position.
        safety: limits and reactions shipped in the bundle.
        make_encoder: builds the observation encoder.
        make_position: builds the module (N, H, A) raw chunk -> (N, H, 3) tool positions used by the failure predictor.
        simulator: ``module:factory`` of the simulated robot.
        make_world: builds the world in which the task is demonstrated and evaluated (``suites.interface.TaskWorld``).
        make_expert: builds the expert that demonstrates it (``suites.interface.Expert``).
        variants: variant -> instruction, for a task of several; an episode of seed ``s`` is number ``s % n`` of them.
        episode_s: time limit of an evaluated episode (s).
        demonstration_s: time limit of a demonstration (s).
        settle_s: how long the robot goes on after a success (s), which the failure predictor must know too: retreat and
            rest; 0 where the next episode begins with the success.
        achieved: goal term -> term that shows what has been achieved of it, for hindsight goals; empty without a goal.
        disturb: called once in some noisy demonstrations with (world, rng), to show recovery; None never does.
    """

    name: str
    robot: str
    instruction: str
    observations: list[ObservationFeature]
    actions: ActionSpec
    timing: Timing
    relative: list[bool]
    safety: SafetyConfig
    make_encoder: Callable[[], Any]
    make_position: Callable[[], nn.Module]
    simulator: str
    make_world: Callable[[], Any]
    make_expert: Callable[[], Any]
    variants: Mapping[str, str] = field(default_factory=dict)
    episode_s: float = 12.0
    demonstration_s: float = 15.0
    settle_s: float = 2.5
    achieved: Mapping[str, str] = field(default_factory=dict)
    disturb: Callable[[Any, np.random.Generator], None] | None = None

    def variant(self, seed: int) -> str:
        """Variant of the episode with a seed; empty for a task of one."""
        return list(self.variants)[seed % len(self.variants)] if self.variants else ""

    @property
    def history(self) -> dict[str, tuple[int, int]]:
        """Feature -> (entries, spacing in control steps)."""
        step = 1.0 / self.timing.control_rate_hz
        return {f.name: (f.history, round(f.history_step_s / step)) for f in self.observations}

    @property
    def sha256(self) -> str:
        """Hash of what the weights depend on: terms, rate, chunking and which targets are relative.

        Fields that are not set do not count, so that an optional field added to the schema changes no hash.
        """
        content = {
            "observations": [feature.model_dump(mode="json", exclude_none=True) for feature in self.observations],
            "actions": self.actions.model_dump(mode="json", exclude_none=True),
            "control_rate_hz": self.timing.control_rate_hz,
            "relative": self.relative,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
