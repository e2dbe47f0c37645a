"""How punctual this machine can be: scheduling rights, memory locking, CPU frequency, clock, and a measured loop."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from policy_nodes.cli.checks import Check

RATE_HZ = 200.0
LATE_WARNING_S = 2e-3
_LIMITS_FIX = "add '@realtime - rtprio 99' and '@realtime - memlock unlimited' to /etc/security/limits.d/keel.conf"


def probe(seconds: float = 1.0) -> Iterator[Check]:
    """All checks; the last one takes ``seconds``."""
    yield scheduling()
    yield memory_lock()
    yield governor()
    yield clock()
    yield cores()
    yield jitter(sample_lateness(seconds))


def scheduling() -> Check:
    """Whether this user may run SCHED_FIFO threads; tried on this thread and undone at once."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError as error:
        return Check("SCHED_FIFO", "warn", f"not permitted ({error.strerror}): loops share the CPU fairly", _LIMITS_FIX)
    os.sched_setscheduler(0, policy, parameters)
    kernel = "a PREEMPT_RT kernel" if Path("/sys/kernel/realtime").exists() else "a standard kernel"
    return Check("SCHED_FIFO", "ok", f"permitted, on {kernel}")


def memory_lock(limits: tuple[int, int] | None = None) -> Check:
    """Whether a process may lock its memory (RLIMIT_MEMLOCK in bytes, or root)."""
    soft, _ = limits or resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft == resource.RLIM_INFINITY or os.geteuid() == 0:
        return Check("memory lock", "ok", "unlimited")
    if soft >= 512 << 20:
        return Check("memory lock", "ok", f"{soft >> 20} MiB")
    return Check("memory lock", "warn", f"limited to {soft >> 10} KiB: page faults can delay a loop", _LIMITS_FIX)


def governor(root: Path = Path("/sys/devices/system/cpu")) -> Check:
    """CPU frequency governors in use."""
    found = {file.read_text().strip() for file in root.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    if not found:
        return Check("cpu governor", "skip", "this machine does not say (virtual machine or container)")
    if found == {"performance"}:
        return Check("cpu governor", "ok", "performance")
    fix = "sudo cpupower frequency-set -g performance"
    return Check("cpu governor", "warn", f"{', '.join(sorted(found))}: waking a sleeping core costs latency", fix)


def clock() -> Check:
    """Resolution that the monotonic clock claims and the smallest step it makes."""
    steps: list[int] = []
    last = time.monotonic_ns()
    while len(steps) < 100:
        now = time.monotonic_ns()
        if now != last:
            steps.append(now - last)
            last = now
    claimed = time.get_clock_info("monotonic").resolution
    detail = f"resolution {claimed * 1e9:.0f} ns, smallest step {min(steps)} ns"
    if min(steps) > 100_000:
        return Check("clock", "fail", detail, "boot with a tsc or hpet clock source")
    return Check("clock", "ok", detail)


def cores() -> Check:
    """CPU cores this process may use; policy, monitor and safety want one each."""
    count = len(os.sched_getaffinity(0))
    if count < 2:
        return Check("cpu cores", "warn", "1: inference will delay the control loop", "give at least 2 cores")
    return Check("cpu cores", "ok", f"{count}")


def sample_lateness(
    seconds: float,
    rate_hz: float = RATE_HZ,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> np.ndarray:
    """Run an empty loop with absolute deadlines; how late each iteration woke, in s, shape (seconds * rate,)."""
    count = max(round(seconds * rate_hz), 1)
    late = np.empty(count)
    start = clock()
    for index in range(count):
        deadline = start + (index + 1) / rate_hz
        sleep(max(deadline - clock(), 0.0))
        late[index] = clock() - deadline
    return late


def jitter(late: np.ndarray) -> Check:
    """Judge the lateness of a loop, in s."""
    median, p99 = np.percentile(late, [50, 99])
    detail = f"a {RATE_HZ:.0f} Hz loop woke late by {median * 1e6:.0f} us (p50), {p99 * 1e6:.0f} us (p99), "
    detail += f"{late.max() * 1e6:.0f} us (max)"
    if p99 > LATE_WARNING_S:
        return Check("loop jitter", "warn", detail, "close other programs; allow SCHED_FIFO; use more cores")
    return Check("loop jitter", "ok", detail)
