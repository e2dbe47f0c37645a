"""Kills launched process groups when the launcher itself dies, however that happens.

A separate, tiny process reads ``+PGID`` and ``-PGID`` lines from its standard input; the end of that stream is the
launcher's death (even by SIGKILL), after which it interrupts, terminates and finally kills every group still listed.
A parent-death signal would not do: Linux sends it when the *thread* that forked ends, and never to grandchildren.

Run as a plain script: it imports nothing but the standard library, so it starts in milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE_S = 2.0


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _send(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
        os.killpg(group, signal.SIGCONT)  # a stopped process acts on nothing but SIGKILL
    except (ProcessLookupError, PermissionError):
        pass


def end_groups(groups: set[int], grace_s: float = GRACE_S) -> None:
    """Interrupt, terminate, kill process groups, with ``grace_s`` seconds after each of the first two."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        groups = {group for group in groups if _alive(group)}
        if not groups:
            return
        for group in groups:
            _send(group, number)
        deadline = time.monotonic() + grace_s
        while number != signal.SIGKILL and time.monotonic() < deadline and any(map(_alive, groups)):
            time.sleep(0.02)


def main() -> None:
    """Follow the launcher's list until its end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    end_groups(groups)


if __name__ == "__main__":
    main()
