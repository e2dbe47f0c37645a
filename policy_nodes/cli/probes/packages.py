"""Python and the packages Keel needs, with the versions it accepts."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from policy_nodes.cli.checks import Check


@dataclass(frozen=True)
class Need:
    """One package.

    Attributes:
        name: of the distribution.
        minimum: smallest accepted version, empty for any.
        below: first version no longer accepted, empty for none.
    """

    name: str
    minimum: str = ""
    below: str = ""


RUNTIME: Final = (
    Need("numpy", "1.26"),
    Need("onnxruntime", "1.20"),
    Need("pydantic", "2.7"),
    Need("daqp", "0.11"),
    Need("PyYAML"),
    Need("tyro", "0.9"),
    Need("rich"),
    Need("cryptography"),
)
EXTRAS: Final = {
    "rosless": (Need("cyclonedds", "11.0.1", "11.1"),),
    "sim": (Need("mujoco", "3.3", "3.12"), Need("gymnasium", "1.2"), Need("mink", "1.0")),
    "train": (Need("torch", "2.4"), Need("onnx"), Need("onnxscript"), Need("pyarrow"), Need("safetensors")),
}
PYTHON_MINIMUM: Final = (3, 10)
PYTHON_FOR_TRAINING: Final = (3, 11)


def release(text: str) -> tuple[int, ...]:
    """Leading numbers of a version: ``2.13.0+cpu`` -> (2, 13, 0)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def installed(name: str) -> str | None:
    """Version of a distribution, None when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def judge(need: Need, found: str | None) -> str:
    """What is wrong with a version, empty when nothing is."""
    if found is None:
        return f"{need.name} is not installed"
    if need.minimum and release(found) < release(need.minimum):
        return f"{need.name} {found} is older than {need.minimum}"
    if need.below and release(found) >= release(need.below):
        return f"{need.name} {found} is not below {need.below}"
    return ""


def probe() -> Iterator[Check]:
    """Python, the runtime's packages (required), then each extra (optional)."""
    python = platform.python_version()
    if sys.version_info < PYTHON_MINIMUM:
        yield Check("python", "fail", f"{python}", "use Python 3.10 or newer")
    elif sys.version_info < PYTHON_FOR_TRAINING:
        yield Check("python", "warn", f"{python}: enough for the robot", "simulation and training need Python 3.11")
    else:
        yield Check("python", "ok", f"{python} on {platform.system()} {platform.machine()}")
    yield _group("runtime", RUNTIME, required=True)
    for extra, needs in EXTRAS.items():
        yield _group(extra, needs, required=False)
    if installed("onnxruntime") and installed("onnxruntime-gpu"):
        fix = "pip uninstall onnxruntime onnxruntime-gpu, then install one of them"
        yield Check("onnxruntime", "fail", "onnxruntime and onnxruntime-gpu overwrite each other's files", fix)


def _found(need: Need) -> str | None:
    variants = (
        ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino") if need.name == "onnxruntime" else (need.name,)
    )
    return next((found for name in variants if (found := installed(name))), None)


def _group(name: str, needs: tuple[Need, ...], *, required: bool) -> Check:
    versions = {need.name: _found(need) for need in needs}
    faults = [fault for need in needs if (fault := judge(need, versions[need.name]))]
    item = f"packages: {name}"
    if not faults:
        return Check(item, "ok", ", ".join(f"{key} {value}" for key, value in versions.items()))
    package = "keel" if required else f"keel[{name}]"
    return Check(item, "fail" if required else "warn", "; ".join(faults), f'pip install --upgrade "{package}"')
