"""The governor's condition as text, for diagnostics."""

from __future__ import annotations

import math
from collections.abc import Sequence

from policy_nodes.safety.chunks import ChunkWatch
from policy_nodes.safety.reasons import REASONS
from policy_nodes.safety.supervisor import Supervisor
from policy_nodes.safety.watch import NS, SignalWatch


def describe(
    supervisor: Supervisor,
    watches: Sequence[SignalWatch],
    chunks: ChunkWatch,
    counters: dict[str, int],
    now_ns: int,
    error: str,
) -> dict[str, str]:
    """Key-value pairs for a diagnostics message: state, cause with fix, ages, rejections, counters, last transitions.

    Args:
        supervisor: state and history.
        watches: measured signals.
        chunks: chunk in use.
        counters: further counts by name.
        now_ns: last tick, to which ages refer.
        error: text of the last internal error, or empty.
    """
    reason = supervisor.reason
    status = {
        "state": supervisor.state.value,
        "reason": "" if reason is None else reason.value,
        "detail": supervisor.detail,
        "description": "" if reason is None else REASONS[reason].description,
        "fix": "" if reason is None else REASONS[reason].fix,
        "action": supervisor.action.value,
        "stop_category": "" if supervisor.stop_category is None else str(supervisor.stop_category),
    }
    for watch in watches:
        age = watch.age_s(now_ns)
        status[f"age_s/{watch.name}"] = "never" if math.isinf(age) else f"{age:.4f}"
        status.update({f"rejected/{watch.name}/{cause.value}": str(n) for cause, n in watch.counts.items()})
    if chunks.chunk is not None:
        status["chunk_sequence"] = str(chunks.chunk.sequence)
        status["age_s/chunk"] = f"{(now_ns - chunks.chunk.stamp_ns) / NS:.4f}"
        status["chunk_delay_s"] = f"{chunks.delay_s:.4f}"
        status["chunk_delay_s/p99"] = f"{chunks.delays.quantile(0.99):.4f}"
        status["chunk_delay_s/max"] = f"{chunks.delays.max_s:.4f}"
    status.update({f"rejected/chunk/{cause.value}": str(n) for cause, n in chunks.counts.items()})
    if chunks.refused:
        status["chunk_refused"] = chunks.refused
    status.update({name: str(count) for name, count in counters.items()})
    if error:
        status["internal_error"] = error
    for index, step in enumerate(reversed(list(supervisor.history)[-8:])):
        arrow = f"{step.before.value} -> {step.after.value}"
        status[f"transition/{index}"] = f"{step.stamp_ns / NS:.3f} {arrow}: {step.reason.value} {step.detail}".rstrip()
    return status
