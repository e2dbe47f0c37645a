"""Prints when this machine did not run a process that wanted to run: one line ``FROM_NS TO_NS`` per stall.

A separate, tiny process: it shares no interpreter lock with anything and is scheduled like the nodes, so that what
delays it delays them too. Run as a plain script: it imports nothing but the standard library.
"""

from __future__ import annotations

import sys
import time

STEP_S = 0.004
WORTH_NS = 8_000_000
"""Shorter stalls than this change no verdict."""


def main() -> None:
    """Watch until the reader is gone."""
    before = time.time_ns()
    while True:
        time.sleep(STEP_S)
        now = time.time_ns()
        if now - before > WORTH_NS:
            try:
                sys.stdout.write(f"{before} {now}\n")
                sys.stdout.flush()
            except (BrokenPipeError, ValueError):
                return
        before = now


if __name__ == "__main__":
    main()
