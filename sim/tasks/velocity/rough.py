"""Velocity tracking on uneven ground: tiles of rising difficulty, a curriculum, and a height scan for the critic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.randomization.model import ModelRandomization
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.mirror import Mirror, concatenate
from sim.tasks.velocity.scene import LeggedRobot
from sim.tasks.velocity.state import LeggedState, read_state
from sim.tasks.velocity.task import VelocityTask
from sim.terrain.curriculum import next_level
from sim.terrain.grid import Terrain, TerrainConfig, height_scan, scan_points
from sim.vector.context import Context

SCAN_SCALE = 5.0
"""Factor on the scan, legged_gym's; heights are cut at one metre around half a metre below the base."""


class RoughVelocityTask(VelocityTask):
    """``VelocityTask`` on a ``Terrain``; the actor is blind, the critic sees the ground around the robot.

    Args:
        robot, config, randomization: as for ``VelocityTask``.
        terrain: what the ground looks like.
    """

    def __init__(
        self,
        robot: LeggedRobot,
        config: VelocityConfig | None = None,
        randomization: ModelRandomization | None = None,
        terrain: TerrainConfig | None = None,
    ) -> None:
        self.terrain = Terrain(terrain if terrain is not None else TerrainConfig())
        self._points = scan_points()
        super().__init__(robot, config, randomization, ground=self.terrain.add_to)
        self.observation_groups["critic"] += len(self._points)

    def memory(self, num_worlds: int) -> dict[str, NDArray[Any]]:
        """Also where each world is on the terrain, and how far it was told to go."""
        columns = np.arange(num_worlds) % len(self.terrain.config.kinds)
        return {
            **super().memory(num_worlds),
            "level": np.full(num_worlds, -1, dtype=np.int64),
            "column": columns,
            "start": np.zeros((num_worlds, 2)),
            "asked": np.zeros(num_worlds),
        }

    def reset(self, context: Context, ids: NDArray[np.int64]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Levels by the curriculum, then a start on the tile's platform."""
        memory, config = context.memory, self.terrain.config
        first = memory["level"][ids] < 0
        distance = np.linalg.norm(context.qpos[ids, :2] - memory["start"][ids], axis=1)
        level = next_level(
            memory["level"][ids], distance, memory["asked"][ids], config.levels, config.tile, context.rng
        )
        drawn = context.rng.integers(0, config.start_level + 1, size=len(ids))
        memory["level"][ids] = np.where(first, drawn, level)
        qpos, qvel = super().reset(context, ids)
        qpos[:, :2] += self.terrain.origins[memory["level"][ids], memory["column"][ids], :2]
        qpos[:, 2] += self._highest(qpos[:, :2])
        memory["start"][ids] = qpos[:, :2]
        memory["asked"][ids] = 0.0
        return qpos, qvel

    def _highest(self, xy: NDArray[np.floating]) -> NDArray[np.float64]:
        """(k,) highest ground under a robot's stance, so that no foot starts inside of a bump."""
        reach = np.array([(x, y) for x in (-0.3, 0.0, 0.3) for y in (-0.2, 0.0, 0.2)])
        return self.terrain.height_at(xy[:, None] + reach).max(axis=1)

    def update(self, context: Context) -> None:
        """Feet, and the way that the command asked for in this step."""
        super().update(context)
        memory = context.memory
        memory["asked"] += np.linalg.norm(memory["command"][:, :2], axis=1) * self.cfg.step_dt

    def read_now(self, context: Context) -> LeggedState:
        """The state with the height above the ground under the base."""
        ground = self.terrain.height_at(context.qpos[:, :2])
        return read_state(context.qpos, context.qvel, context.sensordata, self.layout, ground)

    def observations(self, context: Context) -> dict[str, NDArray[np.floating]]:
        """The flat task's, with the scan at the end of the critic's."""
        values = super().observations(context)
        qpos = context.qpos
        w, x, y, z = qpos[:, 3:7].T
        yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        ground = height_scan(self.terrain, qpos[:, :2], yaw, self._points)
        scan = SCAN_SCALE * np.clip(qpos[:, 2:3] - 0.5 - ground, -1.0, 1.0)
        values["critic"] = np.concatenate([values["critic"], scan.astype(np.float32)], axis=1)
        return values

    def mirrors(self) -> tuple[dict[str, Mirror], Mirror]:
        """The flat task's, and the scan with left and right exchanged."""
        groups, action = super().mirrors()
        flipped = self._points * np.array([1.0, -1.0])
        index = np.array([int(np.argmin(np.linalg.norm(self._points - point, axis=1))) for point in flipped])
        scan = Mirror(index, np.ones(len(index), dtype=np.float32))
        return {**groups, "critic": concatenate(groups["critic"], scan)}, action

    def drawn(self, context: Context) -> dict[str, NDArray[Any]]:
        """Also the tile that each world stands on."""
        return {**super().drawn(context), "level": context.memory["level"].copy(), "column": context.memory["column"]}

    def log(self, context: Context) -> dict[str, float]:
        """Also the mean level of the ended episodes."""
        return {**super().log(context), "terrain_level": float(np.mean(context.memory["level"]))}
