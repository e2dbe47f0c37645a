"""From which moment a fault could be known, computed from a record of messages and the configured limits alone.

The same functions serve the simulated clock and the live nodes, and they know nothing of the safety layer's state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policy_nodes.running.campaign.case import Case, Process, Shows, Stream, Throttle

NS = 1_000_000_000


@dataclass(frozen=True)
class Record:
    """One delivered message.

    Attributes:
        arrival_ns: when.
        genuine: it is what its source sent.
        fresh_ns: the older of stamp and arrival.
        end_ns: of a chunk, when it has nothing more to say; else 0.
    """

    arrival_ns: int
    genuine: bool
    fresh_ns: int
    end_ns: int = 0


@dataclass(frozen=True)
class Limits:
    """What the configuration allows.

    Attributes:
        max_age_ns: by source (``joints``, ``objects/TERM``, ``alarms``): oldest usable message.
        hold_ns: how long an ended chunk is extrapolated.
        max_rejects: bad messages in a row that make a fault.
    """

    max_age_ns: Mapping[str, int]
    hold_ns: int
    max_rejects: int


def sources(case: Case, known: Sequence[str]) -> list[str]:
    """Sources of messages that a fault touches, among those known."""
    match case.inject:
        case Stream(name, _):
            wanted = [name]
        case Process(node, _) | Throttle(node, _, _):
            wanted = {"policy_node": ["chunks"], "monitor_node": ["alarms"]}.get(node, ["joints", "objects"])
        case _:
            wanted = []
    return [source for source in known if source.partition("/")[0] in wanted]


def observable(
    case: Case, records: Mapping[str, Sequence[Record]], injected_ns: int, until_ns: int, limits: Limits
) -> int | None:
    """When messages show the fault (ns), None if they have not by ``until_ns``; for kinds that messages show.

    Args:
        case: the fault.
        records: delivered messages by source, in order of arrival.
        injected_ns: when it began.
        until_ns: end of the watch.
        limits: of the configuration.
    """
    touched = sources(case, list(records))
    found: list[int] = []
    for source in touched:
        bad = [r.arrival_ns for r in records[source] if r.arrival_ns >= injected_ns and not r.genuine]
        if case.shows is Shows.FIRST:
            found += bad[:1]
        elif case.shows is Shows.REJECTS:
            found += bad[limits.max_rejects - 1 : limits.max_rejects]
        elif case.shows is Shows.SILENCE:
            found.append(silent(records[source], limits.max_age_ns[source], injected_ns))
        elif case.shows is Shows.CHUNK_END:
            found.append(chunks_over(records[source], limits.hold_ns, injected_ns))
    return min((when for when in found if when <= until_ns), default=None)


def silent(records: Sequence[Record], max_age_ns: int, injected_ns: int) -> int:
    """First instant at which the newest genuine message is too old."""
    newest = 0
    for record in records:
        if newest and record.arrival_ns > injected_ns and record.arrival_ns - newest > max_age_ns:
            break
        if record.genuine:
            newest = max(newest, record.fresh_ns)
    return newest + max_age_ns


def chunks_over(records: Sequence[Record], hold_ns: int, injected_ns: int) -> int:
    """When the newest genuine chunk that arrived in time, and the hold after it, are over."""
    last = 0
    for record in records:
        in_time = record.arrival_ns < record.end_ns and record.arrival_ns <= max(last + hold_ns, injected_ns)
        if record.genuine and in_time:
            last = max(last, record.end_ns)
    return last + hold_ns
