"""Lateness of Keel's rate loop beside a bare loop of absolute sleeps, idle and with a busy process per core."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.realtime_parts.summary import head, percentiles_us, row

RATES_HZ = (50.0, 100.0, 200.0, 500.0)
TURNS = 2
"""Each loop runs so often at a rate, alternating, so that a busy moment hits both."""


def empty_loop(period_s: float, seconds: float) -> list[float]:
    """The floor: lateness (s) of a loop that only sleeps until absolute deadlines."""
    late, deadline = [], time.monotonic()
    end = deadline + seconds
    while deadline < end:
        deadline += period_s
        rest = deadline - time.monotonic()
        if rest > 0:
            time.sleep(rest)
        late.append(max(time.monotonic() - deadline, 0.0))
        deadline += late[-1] // period_s * period_s  # what is missed is skipped, as in the rate loop
    return late


def rate_loop(period_s: float, seconds: float) -> tuple[list[float], int]:
    """Lateness (s) of the rate loop around a tick that does nothing, and the deadlines it skipped."""
    from policy_nodes.realtime.rate_loop import RateLoop

    late: list[float] = []
    loop = RateLoop(lambda now: None, period_s)
    loop.lateness.add = late.append  # type: ignore[method-assign]
    loop.start()
    time.sleep(seconds)
    loop.stop()
    return late[1:], loop.skipped


def measure(seconds: float) -> list[dict[str, Any]]:
    """Both loops in turns at every rate and load; prints the table."""
    rows = []
    head("lateness of wake-up (us)")
    for loaded in (False, True):
        with burners(loaded):
            for rate in RATES_HZ:
                floor: list[float] = []
                mine: list[float] = []
                skipped = 0
                for _ in range(TURNS):
                    floor += empty_loop(1 / rate, seconds / TURNS)
                    late, missed = rate_loop(1 / rate, seconds / TURNS)
                    mine, skipped = mine + late, skipped + missed
                label = f"{rate:.0f} Hz {'loaded' if loaded else 'idle'}"
                keel, empty = percentiles_us(mine), percentiles_us(floor)
                row(label, keel, f"{len(mine)} ticks, {skipped} skipped")
                row("  empty loop", empty)
                rows.append({"rate_hz": rate, "loaded": loaded, "skipped": skipped, "keel_us": keel, "empty_us": empty})
    return rows


@contextmanager
def burners(wanted: bool) -> Iterator[None]:
    """One busy process per core while the block runs."""
    if not wanted:
        yield
        return
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    processes = [context.Process(target=_spin, args=(stop,), daemon=True) for _ in range(os.cpu_count() or 1)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        stop.set()
        for process in processes:
            process.join(5)
            if process.is_alive():
                process.terminate()


def _spin(stop: Any) -> None:
    value = 1.0
    while not stop.is_set():
        for _ in range(10_000):
            value = value * 1.0000001 + 1e-9
