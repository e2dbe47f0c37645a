"""Batched tasks by name, as data: what ``sim.vector.make`` and Gymnasium's registry offer. Imports nothing heavy."""

from __future__ import annotations

__all__ = ["BATCHED_TASKS"]

BATCHED_TASKS: dict[str, str] = {
    "Ant": "sim.tasks.gymnasium_v5.ant:ant",
    "G1-Velocity-Flat": "sim.tasks.velocity.tasks:g1_flat",
    "G1-Velocity-Rough": "sim.tasks.velocity.tasks:g1_rough",
    "Go1-Velocity-Flat": "sim.tasks.velocity.tasks:go1_flat",
    "Go1-Velocity-Rough": "sim.tasks.velocity.tasks:go1_rough",
    "HalfCheetah": "sim.tasks.gymnasium_v5.planar:half_cheetah",
    "Hopper": "sim.tasks.gymnasium_v5.planar:hopper",
    "Humanoid": "sim.tasks.gymnasium_v5.humanoid:humanoid",
    "Panda-Reach": "sim.tasks.panda_reach.task:panda_reach",
    "Walker2d": "sim.tasks.gymnasium_v5.planar:walker2d",
}
"""Name to ``"module:factory"``; the factory takes overrides of the task's configuration and returns a BatchedTask."""
