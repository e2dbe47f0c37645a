"""Optional real-time settings of the process: each reports what it achieved instead of failing.

POSIX scheduling, affinity and memory locking as in sched(7) and mlockall(2); freezing the garbage collector moves all
objects that exist after start-up out of its sight (gc.freeze), so that collections in the loop stay short.
"""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MCL_CURRENT_AND_FUTURE = 1 | 2


@dataclass(frozen=True)
class Setting:
    """Outcome of one setting.

    Attributes:
        name: what was asked for.
        achieved: whether it is in effect now.
        detail: the value in effect, or why not and what helps.
    """

    name: str
    achieved: bool
    detail: str


def fifo_priority(priority: int) -> Setting:
    """Schedule the calling thread SCHED_FIFO with ``priority`` (1..99); needs CAP_SYS_NICE or an rtprio limit."""

    def apply() -> str:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        return f"SCHED_FIFO {os.sched_getparam(0).sched_priority}"

    return _attempt(f"SCHED_FIFO {priority}", apply, "allow rtprio in /etc/security/limits.d for this user")


def pin(cpus: Iterable[int]) -> Setting:
    """Run the calling thread on ``cpus`` only."""
    wanted = sorted(set(cpus))

    def apply() -> str:
        os.sched_setaffinity(0, wanted)
        return f"CPUs {sorted(os.sched_getaffinity(0))}"

    return _attempt(f"CPUs {wanted}", apply, f"choose from {sorted(os.sched_getaffinity(0))}")


def lock_memory() -> Setting:
    """Keep all present and future pages in RAM."""

    def apply() -> str:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mlockall(MCL_CURRENT_AND_FUTURE) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return "mlockall(current | future)"

    return _attempt("locked memory", apply, "allow memlock in /etc/security/limits.d for this user")


def freeze_garbage() -> Setting:
    """Collect once, then exempt everything alive from further collections."""

    def apply() -> str:
        gc.collect()
        gc.freeze()
        return f"{gc.get_freeze_count()} objects frozen"

    return _attempt("frozen garbage collector", apply, "")


def configure_process(
    priority: int | None = None, cpus: Iterable[int] | None = None, memory: bool = False, garbage: bool = True
) -> list[Setting]:
    """Apply the wanted settings to the calling thread (memory and garbage: the process) and report each.

    Args:
        priority: SCHED_FIFO priority, or None to leave scheduling alone.
        cpus: CPUs to run on, or None.
        memory: lock memory.
        garbage: freeze the garbage collector.
    """
    settings = []
    if cpus is not None:
        settings.append(pin(cpus))
    if memory:
        settings.append(lock_memory())
    if priority is not None:
        settings.append(fifo_priority(priority))
    if garbage:
        settings.append(freeze_garbage())
    return settings


def _attempt(name: str, apply: Callable[[], str], advice: str) -> Setting:
    try:
        return Setting(name, True, apply())
    except (OSError, ValueError, OverflowError, AttributeError) as error:
        text = getattr(error, "strerror", None) or str(error)
        return Setting(name, False, f"{text}; {advice}" if advice else text)
