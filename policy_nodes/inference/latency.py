"""Measures how long a policy call takes, as the control loop will feel it: warm, one chunk, single calls."""

from __future__ import annotations

import gc
from dataclasses import dataclass

import numpy as np

from policy_nodes.inference.parity import load_parity
from policy_nodes.inference.policy import PolicySession


@dataclass(frozen=True)
class Latency:
    """Distribution of single calls, in seconds.

    Attributes:
        calls: number measured.
        median_s: 50th percentile.
        p99_s: 99th percentile.
        max_s: the slowest.
    """

    calls: int
    median_s: float
    p99_s: float
    max_s: float


def measure_latency(session: PolicySession, calls: int = 200, warm_up: int = 20) -> Latency:
    """Time single calls on the recorded inputs, garbage collection off.

    Args:
        session: whose provider and threads are measured.
        calls: at least 1; 200 make the 99th percentile the second slowest.
        warm_up: calls before the first that counts.

    Raises:
        ObservationError: the graph fails on its own recorded inputs.
    """
    inputs, _ = load_parity(session.bundle)
    samples = session.bundle.manifest.parity.samples
    noise_name = next((t.name for t in session.bundle.manifest.policy.inputs if t.role == "noise"), None)
    seconds = np.empty(calls)
    enabled = gc.isenabled()
    gc.disable()
    try:
        for call in range(-warm_up, calls):
            row = call % samples
            noise = None if noise_name is None else inputs[noise_name][row : row + 1]
            output = session.sample({name: value[row] for name, value in inputs.items() if name != noise_name}, noise)
            if call >= 0:
                seconds[call] = output.seconds
    finally:
        if enabled:
            gc.enable()
    median, p99 = np.percentile(seconds, [50, 99])
    return Latency(calls, float(median), float(p99), float(seconds.max()))
