"""Lets processes run before ordinary work, as far as the system permits; where it does not, nothing changes.

A simulated robot stands for one that has its own computer, and robots schedule their control processes before others.
Nice values alone do nothing here: with autogroups (sched(7)) they weigh threads within a session only, and every
launched node is a session of its own; the weight of the session itself is set in ``/proc/PID/autogroup``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NICE = -10
REAL_TIME = 1
"""Lowest priority of SCHED_RR: above all ordinary threads, below every thread that asked for more."""


def prefer(pid: int, nice: int = NICE) -> bool:
    """Give a process, and its session where autogroups are on, more weight; whether the system permits it."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, nice)
        with suppress(FileNotFoundError):
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
    except OSError:
        return False
    return True


def schedule_real_time(pid: int, priority: int = REAL_TIME, main: bool = True) -> bool:
    """Schedule all threads of a process SCHED_RR, and those they will start; whether the system permits it.

    Args:
        pid: of the process.
        priority: 1..99.
        main: also its main thread, whose children would inherit it.
    """
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            if not main and int(thread) == pid:
                continue
            with suppress(ProcessLookupError):
                os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(priority))
    except (OSError, AttributeError):
        return False
    return True
