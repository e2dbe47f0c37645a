"""Which execution providers really run a graph here; being listed by ONNX Runtime proves nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from policy_nodes.cli.checks import Check
from policy_nodes.errors import ProviderError

IDENTITY = bytes.fromhex(
    "08083a370a100a017812017922084964656e746974791201705a0f0a0178120a0a08080112040a02"
    "0801620f0a0179120a0a08080112040a02080142040a001011"
)
"""An ONNX model y = x for one float (IR 8, operator set 17)."""


def probe() -> Iterator[Check]:
    """Run a one-operator graph on every installed provider, say how to get the others; the CPU is required."""
    from policy_nodes.inference.providers import PROVIDERS, available

    built = available()
    for name in PROVIDERS:
        yield _try(name) if name in built or name == "cpu" else _absent(name)


def _absent(name: str) -> Check:
    """A provider that is not installed: whether it is worth installing here, and how."""
    from policy_nodes.inference.engines import device_identity
    from policy_nodes.inference.providers import INSTALL

    item = f"provider: {name}"
    if name not in ("cuda", "tensorrt"):
        return Check(item, "skip", "not installed", INSTALL[name])
    try:
        return Check(item, "warn", f"not installed, though there is a GPU: {device_identity()}", INSTALL[name])
    except ProviderError as error:
        return Check(item, "skip", f"not installed, and of no use here. {error.cause}")


def _try(name: str) -> Check:
    from policy_nodes.inference.providers import create_session

    item = f"provider: {name}"
    try:
        session = create_session(IDENTITY, name)
        (result,) = session.run(None, {"x": np.array([0.5], np.float32)})
    except ProviderError as error:
        return Check(item, "fail" if name == "cpu" else "warn", error.cause, error.fix)
    if result.tolist() != [0.5]:
        return Check(item, "fail", f"identity of 0.5 is {result.tolist()}", "reinstall onnxruntime and the driver")
    return Check(item, "ok", "a graph runs on it")
