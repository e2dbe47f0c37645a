"""Contracts of imaginary robots that fit a checkpoint."""

from __future__ import annotations

from typing import Any

import yaml

from training.convert.lerobot.checkpoint import LeRobotCheckpoint
from training.convert.lerobot.contract import template


def filled_template(checkpoint: LeRobotCheckpoint) -> dict[str, Any]:
    """The template with every null replaced."""
    raw: dict[str, Any] = yaml.safe_load(template(checkpoint))
    raw.update(robot="arm", task="push", control_rate_hz=10.0, inference_budget_s=0.1)
    action = raw["actions"]["terms"][0]
    count = len(action["joints"])
    for key, value in {"stiffness": 1.0, "damping": 0.1, "minimum": -9.0, "maximum": 9.0}.items():
        action[key] = [value] * count
    for joint in raw["safety"]["joints"]:
        joint.update(position_min=-9.0, position_max=9.0, velocity=2.0, acceleration=10.0, jerk=100.0)
    for terms in raw["observations"].values():
        for term in terms:
            term["minimum"] = [-3.0] * len(term["axes"])
            term["maximum"] = [3.0] * len(term["axes"])
    return raw
