"""Factories of the registered velocity tasks."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from sim.errors import TaskError
from sim.randomization.model import ModelRandomization
from sim.tasks.velocity.config import RewardWeights, TerminationConfig, VelocityConfig
from sim.tasks.velocity.robots import g1_robot, go1_robot
from sim.tasks.velocity.rough import RoughVelocityTask
from sim.tasks.velocity.task import VelocityTask
from sim.terrain.grid import TerrainConfig

_UNSET: Any = object()


def _configured(config: VelocityConfig, overrides: dict[str, Any]) -> VelocityConfig:
    """The configuration with fields replaced; ``"rewards.torque"`` names a field of a part."""
    for name, value in overrides.items():
        config = _replaced(config, name, value, name)
    return config


def _replaced(part: Any, path: str, value: Any, whole: str) -> Any:
    field, _, rest = path.partition(".")
    known = [item.name for item in fields(part)]
    if field not in known:
        raise TaskError(f"velocity tasks have no option '{whole}'.", f"'{field}' must be one of {', '.join(known)}.")
    if not rest:
        return replace(part, **{field: value})
    inner = getattr(part, field)
    if not is_dataclass(inner):
        raise TaskError(f"velocity tasks have no option '{whole}'.", f"'{field}' has no parts.")
    return replace(part, **{field: _replaced(inner, rest, value, whole)})


def go1_flat(randomization: ModelRandomization | None = _UNSET, **overrides: Any) -> VelocityTask:
    """``Go1-Velocity-Flat``: the Unitree Go1 on flat ground.

    Args:
        randomization: ranges of physical parameters; None for the nominal robot. Default: ``ModelRandomization()``.
        **overrides: fields of ``VelocityConfig``.

    Raises:
        TaskError: an override is not a field.
    """
    drawn = ModelRandomization() if randomization is _UNSET else randomization
    return VelocityTask(go1_robot(), _configured(VelocityConfig(), overrides), drawn)


def go1_rough(
    randomization: ModelRandomization | None = _UNSET, terrain: TerrainConfig | None = None, **overrides: Any
) -> RoughVelocityTask:
    """``Go1-Velocity-Rough``: the Unitree Go1 on slopes, rough ground, stairs and obstacles, with a curriculum.

    Args:
        randomization: as for ``go1_flat``.
        terrain: which tiles; default ``TerrainConfig()``.
        **overrides: fields of ``VelocityConfig``.

    Raises:
        TaskError: an override is not a field.
    """
    drawn = ModelRandomization() if randomization is _UNSET else randomization
    # On a slope the trunk leans with the ground; a level trunk would be the wrong aim.
    config = VelocityConfig(rewards=replace(RewardWeights(), tilt=-0.5, base_height=-5.0))
    return RoughVelocityTask(go1_robot(), _configured(config, overrides), drawn, terrain)


def g1_flat(randomization: ModelRandomization | None = _UNSET, **overrides: Any) -> VelocityTask:
    """``G1-Velocity-Flat``: the Unitree G1, 29 joints, on flat ground; a definition, no trained policy ships with it.

    Args:
        randomization: as for ``go1_flat``; by default with the payload of a humanoid's torso.
        **overrides: fields of ``VelocityConfig``.

    Raises:
        TaskError: an override is not a field.
    """
    return VelocityTask(g1_robot(), _configured(_g1_config(), overrides), _g1_ranges(randomization))


def g1_rough(
    randomization: ModelRandomization | None = _UNSET, terrain: TerrainConfig | None = None, **overrides: Any
) -> RoughVelocityTask:
    """``G1-Velocity-Rough``: the Unitree G1 on the ground of ``go1_rough``; a definition, as ``g1_flat``.

    Args:
        randomization: as for ``g1_flat``; terrain: which tiles; default ``TerrainConfig()``.
        **overrides: fields of ``VelocityConfig``.

    Raises:
        TaskError: an override is not a field.
    """
    config = _g1_config()
    config = replace(config, rewards=replace(config.rewards, tilt=-0.3, base_height=-2.0))
    return RoughVelocityTask(g1_robot(), _configured(config, overrides), _g1_ranges(randomization), terrain)


def _g1_ranges(randomization: ModelRandomization | None) -> ModelRandomization | None:
    return ModelRandomization(payload=(-1.0, 3.0)) if randomization is _UNSET else randomization


def _g1_config() -> VelocityConfig:
    return VelocityConfig(
        base_height=0.74,
        air_time=0.2,
        # Arms and waist count as "hips": they keep their posture, so that the legs do the walking.
        rewards=replace(
            RewardWeights(), torque=-2e-6, hip_posture=-0.3, tilt=-1.0, base_height=-10.0, leg_contact=-0.5
        ),
        terminations=TerminationConfig(tilt=0.9, height=0.45),
    )
