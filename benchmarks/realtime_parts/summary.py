"""Percentiles, tables, and the conditions of a run."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Mapping, Sequence

import numpy as np

PERCENTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}


def conditions() -> dict[str, object]:
    """What a reader must know of the machine."""
    kernel = platform.release()
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "kernel": kernel + (" PREEMPT_RT" if os.path.exists("/sys/kernel/realtime") else ""),
        "python": platform.python_version(),
        "ns per addition": round(addition_ns(), 1),
    }


def addition_ns(turns: int = 200_000, times: int = 5) -> float:
    """Processor time (ns) of one addition in a loop of Python, the best of some: how fast this machine is right now.

    On a shared one it changes by a factor of four, and with it every figure of processor time.
    """
    best = math.inf
    for _ in range(times):
        began, total = time.process_time(), 0
        for number in range(turns):
            total += number
        best = min(best, time.process_time() - began)
    return best / turns * 1e9


def percentiles_us(seconds: Sequence[float] | np.ndarray) -> dict[str, float]:
    """In microseconds; NaN without a sample."""
    values = np.asarray(seconds, dtype=np.float64)
    return {
        name: float(np.percentile(values, q) * 1e6) if values.size else float("nan") for name, q in PERCENTILES.items()
    }


def row(label: str, values: Mapping[str, float], note: str = "") -> None:
    """Print one line of a table in microseconds."""
    print(f"  {label:34s}" + "".join(f"{values[name]:10.0f}" for name in PERCENTILES) + f"  {note}", flush=True)


def head(title: str) -> None:
    """Print the head of a table."""
    print(f"  {title:34s}" + "".join(f"{name:>10s}" for name in PERCENTILES))
