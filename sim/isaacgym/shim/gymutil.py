"""``isaacgym.gymutil``: command-line arguments, configuration, and line drawing that draws nothing."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from sim.isaacgym.errors import InterfaceError, UnsupportedCallError
from sim.isaacgym.shim.geometry import Vec3

__all__ = [
    "AxesGeometry",
    "WireframeBoxGeometry",
    "WireframeSphereGeometry",
    "draw_lines",
    "parse_arguments",
    "parse_bool",
    "parse_device_str",
    "parse_sim_config",
]

SIM_PHYSX, SIM_FLEX = 0, 1


def parse_device_str(device: str) -> tuple[str, int]:
    """``"cpu"`` to ("cpu", 0); ``"cuda:1"`` to ("cuda", 1).

    Raises:
        InterfaceError: neither.
    """
    kind, _, number = device.lower().partition(":")
    kind = "cuda" if kind == "gpu" else kind
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise InterfaceError(f"device '{device}' is not understood.", "use cpu or cuda:0.")
    return kind, int(number or 0)


def parse_bool(text: str) -> bool:
    """``true``, ``1``, ``yes`` and ``on`` are True."""
    return str(text).strip().lower() in ("true", "1", "yes", "on", "t", "y")


def parse_arguments(
    description: str = "Isaac Gym",
    headless: bool = False,
    no_graphics: bool = False,
    custom_parameters: Sequence[Mapping[str, Any]] = (),
) -> argparse.Namespace:
    """Isaac Gym's standard options and the script's own; the device defaults are the CPU.

    Args:
        description: shown by ``--help``.
        headless: add ``--headless``.
        no_graphics: add ``--nographics``.
        custom_parameters: dictionaries with ``name`` and keyword arguments of ``add_argument``.
    """
    parser = argparse.ArgumentParser(description=description)
    if headless:
        parser.add_argument("--headless", action="store_true", help="no viewer (there is none)")
    if no_graphics:
        parser.add_argument("--nographics", action="store_true", help="no graphics (there are none)")
    parser.add_argument("--sim_device", default="cpu", help="physics device; cpu here")
    parser.add_argument("--pipeline", default="cpu", help="tensor pipeline; cpu here")
    parser.add_argument("--graphics_device_id", type=int, default=0, help="unused")
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument("--flex", action="store_true", help="unsupported")
    engine.add_argument("--physx", action="store_true", help="accepted; the engine is MuJoCo")
    parser.add_argument("--num_threads", type=int, default=0, help="physics threads; 0: one per core")
    parser.add_argument("--subscenes", type=int, default=0, help="unused")
    parser.add_argument("--slices", type=int, default=0, help="unused")
    for parameter in custom_parameters:
        options = dict(parameter)
        parser.add_argument(options.pop("name"), **options)
    args = parser.parse_args()
    args.sim_device_type, args.compute_device_id = parse_device_str(args.sim_device)
    args.physics_engine = SIM_FLEX if args.flex else SIM_PHYSX
    args.use_gpu = args.sim_device_type == "cuda"
    args.use_gpu_pipeline = args.use_gpu and args.pipeline.lower() in ("gpu", "cuda")
    return args


def parse_sim_config(config: Mapping[str, Any], sim_params: Any) -> None:
    """Copies a configuration's values into ``SimParams``: ``gravity`` becomes a ``Vec3``, ``physx`` its fields."""
    for key, value in config.items():
        if key in ("physx", "flex") and isinstance(value, Mapping):
            for name, item in value.items():
                setattr(getattr(sim_params, key), name, item)
        elif key == "gravity":
            sim_params.gravity = Vec3(*value)
        elif key == "up_axis":
            sim_params.up_axis = {"y": 0, "z": 1}.get(value, value)
        else:
            setattr(sim_params, key, value)


class _Lines:
    """A shape to draw; nothing is drawn."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None: ...


AxesGeometry = WireframeBoxGeometry = WireframeSphereGeometry = _Lines


def draw_lines(*_args: Any, **_kwargs: Any) -> None:
    """Draws nothing."""


def _unsupported(name: str) -> Any:
    def call(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedCallError(f"gymutil.{name} is not supported on MuJoCo.", "see docs/isaacgym.md.")

    return call


get_property_setter_map = _unsupported("get_property_setter_map")
get_property_getter_map = _unsupported("get_property_getter_map")
get_default_setter_args = _unsupported("get_default_setter_args")
apply_random_samples = _unsupported("apply_random_samples")
check_buckets = _unsupported("check_buckets")
generate_random_samples = _unsupported("generate_random_samples")
