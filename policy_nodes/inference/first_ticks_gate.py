"""Withholds or accompanies the policy's plans until the robot's first samples have been compared with the contract."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from policy_nodes.bundle.manifest import Manifest
from policy_nodes.errors import ConfigError, KeelError
from policy_nodes.inference.first_ticks import Finding, FirstTicksCheck, FirstTicksConfig

Mode = Literal["ignore", "warn", "require"]
MODES: tuple[Mode, ...] = ("ignore", "warn", "require")


def parse_mode(text: str) -> Mode:
    """The mode of that name.

    Raises:
        ConfigError: there is none.
    """
    for mode in MODES:
        if text == mode:
            return mode
    raise ConfigError(f"first_ticks is '{text}'.", f"use one of: {', '.join(MODES)}")


class FirstTicksGate:
    """Judges the first samples once, and again for as long as they do not fit and fitting is required.

    Samples may come from another thread than :meth:`poll`.

    Args:
        manifest: the contract.
        mode: ``ignore`` never looks, ``warn`` reports what does not fit and lets the policy plan, ``require`` lets it
            plan only once everything fits.
        start_ns: when watching began.
        config: thresholds.
    """

    def __init__(self, manifest: Manifest, mode: Mode, start_ns: int, config: FirstTicksConfig | None = None) -> None:
        self._manifest, self._mode, self._config = manifest, mode, config
        self._lock = threading.Lock()
        self._check: FirstTicksCheck | None = None if mode == "ignore" else FirstTicksCheck(manifest, start_ns, config)
        self.findings: tuple[Finding, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the policy may plan."""
        return self._mode != "require" or self._check is None

    @property
    def watching(self) -> bool:
        """Whether samples are still wanted."""
        return self._check is not None

    def values(self) -> dict[str, str]:
        """What did not fit, for ``/diagnostics``."""
        return {f"first_ticks_{finding.item}": finding.sentence for finding in self.findings}

    def on_joint_names(self, names: Sequence[str]) -> None:
        """Names of one JointState; see :class:`FirstTicksCheck`."""
        with self._lock:
            if self._check is not None:
                self._check.on_joint_names(names)

    def on_refused(self, name: str, error: KeelError) -> None:
        """One message of a term or camera that does not fit; see :class:`FirstTicksCheck`."""
        with self._lock:
            if self._check is not None:
                self._check.on_refused(name, error)

    def on_sample(self, term: str, stamp_ns: int, arrival_ns: int, value: ArrayLike) -> None:
        """One raw sample of a term of the contract; see :class:`FirstTicksCheck`."""
        with self._lock:
            if self._check is not None:
                self._check.on_sample(term, stamp_ns, arrival_ns, value)

    def on_image(self, name: str, stamp_ns: int, arrival_ns: int, pixels: NDArray[np.uint8]) -> None:
        """One picture of a camera of the contract; see :class:`FirstTicksCheck`."""
        with self._lock:
            if self._check is not None:
                self._check.on_image(name, stamp_ns, arrival_ns, pixels)

    def poll(self, now_ns: int) -> tuple[Finding, ...]:
        """What does not fit, when a verdict has just been reached; empty otherwise."""
        with self._lock:
            if self._check is None:
                return ()
            verdict, findings = self._check.verdict(now_ns)
            if verdict == "checking":
                return ()
            self.findings = findings
            again = verdict == "failed" and self._mode == "require"
            self._check = FirstTicksCheck(self._manifest, now_ns, self._config) if again else None
            return findings
