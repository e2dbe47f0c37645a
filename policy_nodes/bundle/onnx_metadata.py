"""The de-facto metadata of robot policies in ONNX: read in both dialects, written from a contract. Needs no ``onnx``.

There is no standard. Exporters of one family (Isaac Lab, BeyondMimic, mjlab; read by legged_control2) store comma
separated lists under ``joint_names``, ``joint_stiffness``, ``joint_damping``, ``default_joint_pos``, ``action_scale``,
``observation_names``, ``command_names``; those of the other (holosoma) store JSON under ``dof_names``, ``kp``, ``kd``,
``command_ranges``, ``robot_urdf``. Numbers of the first family are often rounded to three decimals.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from policy_nodes.bundle import protobuf as pb
from policy_nodes.bundle.files import inspect_graph
from policy_nodes.bundle.manifest import ActionSpec, ObservationFeature
from policy_nodes.errors import BundleError

METADATA_PROPS: Final = 14
"""Field number of ``metadata_props`` in ONNX's ModelProto."""
KEYS: Final = {
    "joint_names": ("joint_names", "dof_names"),
    "stiffness": ("joint_stiffness", "kp"),
    "damping": ("joint_damping", "kd"),
    "default_joint_pos": ("default_joint_pos", "default_dof_pos"),
    "action_scale": ("action_scale",),
    "observation_names": ("observation_names",),
    "observation_history": ("observation_history_lengths", "observation_history"),
    "command_names": ("command_names",),
    "control_frequency_hz": ("control_frequency_hz",),
    "control_period_s": ("control_period_s",),
    "urdf": ("robot_urdf",),
    "command_ranges": ("command_ranges",),
}
"""Field of ``PolicyMetadata`` -> keys it is found under, in order of preference."""


@dataclass(frozen=True)
class PolicyMetadata:
    """What an ONNX file says about the policy in it; None where it says nothing.

    Attributes:
        joint_names: in action order.
        stiffness: per joint (N*m/rad); damping: per joint (N*m*s/rad).
        default_joint_pos: per joint (rad), added to the scaled action.
        action_scale: per joint, or one number for all.
        observation_names: terms in the order in which they are concatenated.
        observation_history: steps per term, or one number for all.
        command_names: commands the policy follows.
        rate_hz: of the policy.
        command_ranges: smallest and largest command by axis.
        urdf: text of the robot description.
        other: pairs not understood.
    """

    joint_names: tuple[str, ...] | None = None
    stiffness: tuple[float, ...] | None = None
    damping: tuple[float, ...] | None = None
    default_joint_pos: tuple[float, ...] | None = None
    action_scale: tuple[float, ...] | None = None
    observation_names: tuple[str, ...] | None = None
    observation_history: tuple[int, ...] | None = None
    command_names: tuple[str, ...] | None = None
    rate_hz: float | None = None
    command_ranges: dict[str, tuple[float, float]] | None = None
    urdf: str | None = None
    other: dict[str, str] = field(default_factory=dict)


def read_metadata(path: Path) -> PolicyMetadata:
    """Metadata of an ONNX file; the file's graph is inspected on the way (``inspect_onnx``).

    Raises:
        BundleError: not an ONNX file that a bundle may hold, or a known key with an unreadable value.
    """
    try:
        return parse_metadata(inspect_graph(path).metadata)
    except OSError as error:
        raise BundleError(f"cannot read '{path}': {error.strerror}.", "give the path of an ONNX file") from None
    except ValueError as error:
        raise BundleError(f"'{path.name}': {error}.", "export the policy again, for inference, in one file") from None


def parse_metadata(pairs: Mapping[str, str]) -> PolicyMetadata:
    """Interpret key/value pairs of either dialect.

    Raises:
        ValueError: a known key holds something else than its meaning asks for; the text names it.
    """
    found: dict[str, Any] = {}
    used: set[str] = set()
    for name, keys in KEYS.items():
        for key in keys:
            if pairs.get(key, "").strip():
                found[name] = _parse(key, pairs[key], _READERS[name])
                used.add(key)
                break
    frequency, period = found.pop("control_frequency_hz", None), found.pop("control_period_s", None)
    rate = frequency if frequency is not None else None if period is None else 1.0 / period
    known = {key for keys in KEYS.values() for key in keys}
    return PolicyMetadata(
        **found, rate_hz=rate, other={k: v for k, v in pairs.items() if k not in used and (k not in known or v)}
    )


def _parse(key: str, text: str, reader: Callable[[str], Any]) -> Any:
    try:
        return reader(text)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"metadata '{key}' is unreadable: {str(error)[:120]}") from None


def _items(text: str) -> list[Any]:
    """A list from JSON or from comma separated text; one value is a list of one."""
    stripped = text.strip()
    if stripped[:1] in '[{"':
        value = json.loads(stripped)
        return value if isinstance(value, list) else [value]
    return [item.strip() for item in stripped.split(",")]


def _names(text: str) -> tuple[str, ...]:
    items = _items(text)
    if not all(isinstance(item, str) and item for item in items) or len(set(items)) != len(items):
        raise ValueError("expected different names")
    return tuple(items)


def _numbers(text: str) -> tuple[float, ...]:
    items = _items(text)
    while len(items) == 1 and isinstance(items[0], list):  # exporters store (1, n) arrays
        items = items[0]
    values = tuple(float(item) for item in items)
    if not all(math.isfinite(value) for value in values):
        raise ValueError("expected finite numbers")
    return values


def _positive(text: str) -> float:
    (value,) = _numbers(text)
    if value <= 0:
        raise ValueError("expected a positive number")
    return value


def _counts(text: str) -> tuple[int, ...]:
    values = _numbers(text)
    if not all(value.is_integer() and 0 <= value <= 256 for value in values):
        raise ValueError("expected whole numbers up to 256")
    return tuple(max(int(value), 1) for value in values)  # Isaac Lab writes 0 for "no history"


def _ranges(text: str) -> dict[str, tuple[float, float]]:
    value = json.loads(text)
    result = {}
    for name, limits in value.items():
        low, high = (float(item) for item in limits)
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise ValueError(f"range of '{name}'")
        result[str(name)] = (low, high)
    return result


def _text(text: str) -> str:
    stripped = text.strip()
    return str(json.loads(stripped)) if stripped.startswith('"') else stripped


_READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("joint_names", "observation_names", "command_names"), _names),
    **dict.fromkeys(("stiffness", "damping", "default_joint_pos", "action_scale"), _numbers),
    **dict.fromkeys(("control_frequency_hz", "control_period_s"), _positive),
    "observation_history": _counts,
    "urdf": _text,
    "command_ranges": _ranges,
}


def contract_pairs(
    observations: Sequence[ObservationFeature], actions: ActionSpec, rate_hz: float, commands: Sequence[str] = ()
) -> dict[str, str]:
    """The pairs that readers of both dialects look for, for a contract; numbers with nine significant digits."""

    def per_joint(name: str) -> list[float]:
        return [value for term in actions.terms for value in getattr(term, name)]

    def comma(values: Sequence[Any]) -> str:
        return ",".join(f"{v:.9g}" if isinstance(v, float) else str(v) for v in values)

    stiffness, damping = per_joint("stiffness"), per_joint("damping")
    return {
        "joint_names": comma(actions.joints),
        "joint_stiffness": comma(stiffness),
        "joint_damping": comma(damping),
        "default_joint_pos": comma(per_joint("offset")),
        "action_scale": comma([float(term.scale) for term in actions.terms for _ in term.joints]),
        "observation_names": comma([term.name for feature in observations for term in feature.terms]),
        "observation_history_lengths": comma([feature.history for feature in observations for _ in feature.terms]),
        "command_names": comma(commands),
        "control_frequency_hz": comma([float(rate_hz)]),
        "dof_names": json.dumps(actions.joints),
        "kp": json.dumps(stiffness),
        "kd": json.dumps(damping),
    }


def write_metadata(model: bytes, pairs: Mapping[str, str]) -> bytes:
    """A serialised ONNX model with ``pairs`` in its metadata; other pairs stay, those of the same key are replaced.

    Raises:
        BundleError: the bytes are not a protobuf message.
    """
    kept = []
    try:
        for number, kind, value in pb.fields(memoryview(model)):
            if number == METADATA_PROPS and _key(pb.view(value)) in pairs:
                continue
            kept.append(pb.encode_field(number, kind, value))
    except pb.WireError as error:
        raise BundleError(f"not an ONNX model: {error}.", "export the policy again") from None
    for key, text in pairs.items():
        entry = pb.encode_field(1, pb.BYTES, key.encode()) + pb.encode_field(2, pb.BYTES, text.encode())
        kept.append(pb.encode_field(METADATA_PROPS, pb.BYTES, entry))
    return b"".join(kept)


def _key(entry: memoryview) -> str:
    return next((pb.text(value) for number, _, value in pb.fields(entry) if number == 1), "")
