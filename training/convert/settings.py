"""All that a converted policy needs to know, from the file's metadata and from options; nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.onnx_metadata import PolicyMetadata
from policy_nodes.errors import ConfigError

HistoryOrder = Literal["term", "time"]


@dataclass(frozen=True)
class Given:
    """What the user supplies; None or empty means: take it from the metadata.

    Attributes:
        joint_names: in action order.
        stiffness: per joint or one for all; damping, default_pos, action_scale likewise.
        observations: names of the terms, in the order of the policy's input.
        history: steps per term or one for all.
        history_order: ``term`` stacks each term's history, ``time`` stacks whole observations.
        newest_first: the policy wants the newest step first.
        observation_scale: factor by term name, e.g. legged_gym's 0.25 for the angular velocity.
        command_limit: largest command per axis (m/s, m/s, rad/s).
        rate_hz: of the policy.
    """

    joint_names: tuple[str, ...] = ()
    stiffness: tuple[float, ...] = ()
    damping: tuple[float, ...] = ()
    default_pos: tuple[float, ...] = ()
    action_scale: tuple[float, ...] = ()
    observations: tuple[str, ...] = ()
    history: tuple[int, ...] = ()
    history_order: HistoryOrder = "term"
    newest_first: bool = False
    observation_scale: dict[str, float] = field(default_factory=dict)
    command_limit: tuple[float, ...] = ()
    rate_hz: float | None = None


@dataclass(frozen=True)
class Settings:
    """Complete: every attribute of ``Given``, with one value per joint and per term; arrays are (joints,) float64."""

    joints: tuple[str, ...]
    stiffness: NDArray[np.float64]
    damping: NDArray[np.float64]
    default_pos: NDArray[np.float64]
    action_scale: NDArray[np.float64]
    observations: tuple[str, ...]
    history: tuple[int, ...]
    history_order: HistoryOrder
    newest_first: bool
    observation_scale: dict[str, float]
    command_low: NDArray[np.float64] | None
    command_high: NDArray[np.float64] | None
    rate_hz: float


def resolve(given: Given, metadata: PolicyMetadata) -> Settings:
    """Options over metadata.

    Raises:
        ConfigError: something is in neither (all such are listed, with the option that supplies each), or lengths and
            values do not make sense.
    """
    wanted = {
        "joint_names": (given.joint_names or metadata.joint_names, "--joint-names"),
        "joint_stiffness": (given.stiffness or metadata.stiffness, "--stiffness"),
        "joint_damping": (given.damping or metadata.damping, "--damping"),
        "default_joint_pos": (given.default_pos or metadata.default_joint_pos, "--default-pos"),
        "action_scale": (given.action_scale or metadata.action_scale, "--action-scale"),
        "observation_names": (given.observations or metadata.observation_names, "--observations"),
        "control frequency": (given.rate_hz or metadata.rate_hz, "--rate-hz"),
    }
    missing = {name: option for name, (value, option) in wanted.items() if not value}
    if missing:
        raise ConfigError(f"The model does not say its {', '.join(missing)}.", f"give {', '.join(missing.values())}")
    joints: tuple[str, ...] = wanted["joint_names"][0]  # type: ignore[assignment]
    names: tuple[str, ...] = wanted["observation_names"][0]  # type: ignore[assignment]
    if len(set(names)) != len(names):
        raise ConfigError("An observation is named twice.", "give each term once with --observations")
    unknown = sorted(set(given.observation_scale) - set(names))
    if unknown:
        raise ConfigError(f"--observation-scale names '{unknown[0]}'.", f"the policy observes {', '.join(names)}")

    def per_joint(key: str) -> NDArray[np.float64]:
        values, option = wanted[key]
        return np.array(_spread(values, len(joints), key, option), dtype=np.float64)  # type: ignore[arg-type]

    rate_hz = float(wanted["control frequency"][0])  # type: ignore[arg-type]
    if not 0.1 <= rate_hz <= 10_000:
        raise ConfigError(f"The rate of the policy is {rate_hz:g} Hz.", "give its control frequency with --rate-hz")
    scale = per_joint("action_scale")
    if (scale == 0).any():
        raise ConfigError("An action scale is zero.", "give the policy's scale with --action-scale")
    history = given.history or metadata.observation_history or (1,)
    if min(history) < 1:
        raise ConfigError(f"--history is {min(history)}.", "give at least 1, the newest observation alone")
    low, high = _command_range(given, metadata)
    return Settings(
        joints=joints,
        stiffness=per_joint("joint_stiffness"),
        damping=per_joint("joint_damping"),
        default_pos=per_joint("default_joint_pos"),
        action_scale=scale,
        observations=names,
        history=tuple(int(v) for v in _spread(history, len(names), "observation history", "--history")),
        history_order=given.history_order,
        newest_first=given.newest_first,
        observation_scale=given.observation_scale,
        command_low=low,
        command_high=high,
        rate_hz=rate_hz,
    )


def _spread(values: Sequence[float], count: int, what: str, option: str) -> list[float]:
    """One value per element; a single one is for all."""
    if len(values) == 1:
        return [values[0]] * count
    if len(values) != count:
        raise ConfigError(f"There are {len(values)} values of {what} for {count}.", f"give 1 or {count} with {option}")
    return list(values)


_AXES = (("lin_vel_x", "vx"), ("lin_vel_y", "vy"), ("ang_vel_z", "ang_vel_yaw", "heading_rate", "wz"))


def _command_range(
    given: Given, metadata: PolicyMetadata
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Range of (vx, vy, wz), where anybody states one."""
    if given.command_limit:
        limit = np.array(_spread(given.command_limit, 3, "command limits", "--command-limit"))
        if not (limit > 0).all():
            raise ConfigError("--command-limit is not positive.", "give the largest speeds the policy was trained for")
        return -limit, limit
    ranges = metadata.command_ranges or {}
    rows = [next((ranges[key] for key in keys if key in ranges), None) for keys in _AXES]
    if any(row is None for row in rows):
        return None, None
    array = np.array(rows, dtype=np.float64)
    return array[:, 0], array[:, 1]
