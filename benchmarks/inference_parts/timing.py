"""Times candidates in turns, so that a busy moment of the machine meets all of them."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.inference_parts.runtimes import Arrays, Call


@dataclass
class Case:
    """One network with its candidates.

    Attributes:
        name: for the table.
        inputs: by graph input.
        calls: candidates that must agree, the reference first.
        others: candidates that compute something else on purpose (another sampler, another network).
        ratios: further ratios to print: sentence, slower and faster candidate.
        provider: which one Keel chose.
    """

    name: str
    inputs: Arrays
    calls: dict[str, Call]
    provider: str
    others: dict[str, Call] = field(default_factory=dict)
    ratios: list[tuple[str, str, str]] = field(default_factory=list)


def measure(case: Case, rounds: int, repeats: int, tolerance: float) -> dict[str, NDArray[np.float64]]:
    """Seconds per call, (rounds,) by candidate, after the candidates have been shown to agree.

    Raises:
        SystemExit: one of them answers something else.
    """
    names = list(case.calls)
    wanted = case.calls[names[0]](case.inputs)
    for name, call in case.calls.items():
        answer = call(case.inputs)
        steps = min(answer.shape[1], wanted.shape[1])  # LeRobot returns the steps it executes
        error = float(np.abs(answer[:, :steps] - wanted[:, :steps]).max())
        if not error <= tolerance:
            raise SystemExit(f"{case.name}: {name} differs from {names[0]} by {error:.2e}: nothing to compare")
    everyone = case.calls | case.others
    names = list(everyone)
    seconds = {name: np.empty(rounds) for name in names}
    gc.disable()
    for index in range(-2, rounds):
        for name in names[index % len(names) :] + names[: index % len(names)]:
            started = time.perf_counter()
            for _ in range(repeats):
                everyone[name](case.inputs)
            if index >= 0:
                seconds[name][index] = (time.perf_counter() - started) / repeats
    gc.enable()
    return seconds


def ratio(seconds: dict[str, NDArray[np.float64]], first: str, second: str) -> float:
    """Median over the rounds of the ratio within a round; NaN where one is missing."""
    if first not in seconds or second not in seconds:
        return float("nan")
    return float(np.median(seconds[first] / seconds[second]))


def cell(values: NDArray[np.float64] | None) -> str:
    """Median and quartiles in ms."""
    if values is None:
        return "-"
    low, middle, high = np.percentile(values, [25, 50, 75]) * 1e3
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"
