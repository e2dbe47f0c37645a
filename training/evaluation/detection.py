"""What a bundle's failure predictor is worth in closed loop: alarms under every cause, and what they prevent.

Every episode is run with alarms counted and, when they may react, once more from the same seed with alarms connected to
the governor. A failed episode *ends safely* when the alarm stops it, no harm came before and none comes until the stop
has ended; a good episode is *lost* when it succeeds only without the reaction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.disturbances.cause import Cause
from training.disturbances.cell import DisturbedCell
from training.disturbances.harm import Harm, HarmWatch
from training.evaluation.closed_loop import ClosedLoop
from training.evaluation.statistics import wilson_interval
from training.suites.interface import TaskWorld

REST_S = 1.5
"""How long a stop is watched (s): braking, and what falls afterwards."""


@dataclass(frozen=True)
class Watched:
    """One episode.

    Attributes:
        cause: ``none`` or what went wrong.
        seed: of the world.
        success: the task was done.
        outcome: ``success``, ``timeout``, ``failed`` or ``stopped``.
        stopped_by: reason of the stop, empty for none.
        onset: of the cause (s since enabling).
        alarm_s: first alarm (s), NaN for none.
        stopped_s: stop (s), NaN for none.
        harm: first harm, empty for none.
        harm_s: its time (s), NaN for none.
    """

    cause: str
    seed: int
    success: bool
    outcome: str
    stopped_by: str
    onset: float
    alarm_s: float
    stopped_s: float
    harm: str
    harm_s: float


def watch_episodes(
    loop: ClosedLoop,
    world: TaskWorld,
    cause: Cause,
    harm: Harm,
    seeds: Sequence[int],
    seconds: float,
    advance: Callable[[str], None] = lambda _: None,
) -> list[Watched]:
    """Closed-loop episodes under one cause.

    Args:
        loop: of the bundle; its world is replaced for the time of the call.
        world: the true world.
        cause: what goes wrong.
        harm: of the task.
        seeds: one episode each.
        seconds: simulated time limit.
        advance: progress, called after every episode with its outcome.
    """
    cell, before, watch = DisturbedCell(world, cause), loop.world, HarmWatch(harm)
    loop.world = cell
    found = []

    def frame(_: Any, time: float) -> None:
        cell.after(time)
        watch.look(world, time)

    try:
        for seed in seeds:
            watch.reset()
            episode = loop.run(seed, seconds, frame=frame)
            found.append(
                Watched(
                    cause=cause.name,
                    seed=seed,
                    success=episode.success,
                    outcome=episode.outcome,
                    stopped_by=episode.stopped_by or "",
                    onset=cause.onset,
                    alarm_s=_number(episode.first_alarm_s),
                    stopped_s=_number(episode.stopped_s),
                    harm=watch.what,
                    harm_s=watch.at,
                )
            )
            advance(f"{cause.name}: {episode.outcome}")
    finally:
        cell.close()
        loop.world = before
    return found


def _number(value: float | None) -> float:
    return math.nan if value is None else value


@dataclass(frozen=True)
class Value:
    """What reacting to alarms changed, over pairs of episodes from the same seeds.

    Attributes:
        failed: episodes that fail without the reaction.
        harmed: of them, with harm.
        safe: of the failed, stopped by an alarm and never harmed with the reaction.
        harmed_still: of the failed, with harm with the reaction.
        good: episodes that succeed without the reaction.
        lost: of them, not successful with it.
    """

    failed: int
    harmed: int
    safe: int
    harmed_still: int
    good: int
    lost: int


def value_of(counted: Sequence[Watched], reacting: Sequence[Watched]) -> Value:
    """Compare episodes without and with the reaction; both in the same order of causes and seeds.

    Raises:
        ValueError: the episodes are not pairs.
    """
    if [(a.cause, a.seed) for a in counted] != [(b.cause, b.seed) for b in reacting]:
        raise ValueError("the episodes with and without reaction are not of the same causes and seeds")
    failed = [(a, b) for a, b in zip(counted, reacting, strict=True) if not a.success]
    good = [b for a, b in zip(counted, reacting, strict=True) if a.success]
    return Value(
        failed=len(failed),
        harmed=sum(bool(a.harm) for a, _ in failed),
        safe=sum(b.stopped_by == "FAILURE_PREDICTED" and not b.harm for _, b in failed),
        harmed_still=sum(bool(b.harm) for _, b in failed),
        good=len(good),
        lost=sum(not b.success for b in good),
    )


def detection_table(episodes: Sequence[Watched]) -> str:
    """Markdown, a row per cause: failures found, good episodes with an alarm, delay, harm and alarms before it."""
    lines = [
        "| cause | episodes | failed | of them alarmed | good ones alarmed | median from onset to alarm (s) | harmed | "
        "alarm before the harm |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for cause in dict.fromkeys(e.cause for e in episodes):
        rows = [e for e in episodes if e.cause == cause]
        bad, good = [e for e in rows if not e.success], [e for e in rows if e.success]
        delays = [e.alarm_s - e.onset for e in bad if not math.isnan(e.alarm_s)]
        harmed = [e for e in rows if e.harm]
        cells = [
            "nothing" if cause == "none" else cause,
            str(len(rows)),
            str(len(bad)),
            share(sum(not math.isnan(e.alarm_s) for e in bad), len(bad)),
            share(sum(not math.isnan(e.alarm_s) for e in good), len(good)),
            f"{np.median(delays):.2f}" if delays else "-",
            str(len(harmed)),
            share(sum(e.alarm_s < e.harm_s for e in harmed), len(harmed)),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def value_table(counted: Sequence[Watched], reacting: Sequence[Watched]) -> str:
    """Markdown, a row per cause and one for all: what reacting to alarms prevents and costs."""
    lines = [
        "| cause | failed | harmed without reaction | with it | stopped safely before harm | good | "
        "lost to the reaction |",
        "|---|---|---|---|---|---|---|",
    ]
    causes = list(dict.fromkeys(e.cause for e in counted))
    for name in [*causes, "all"]:
        pair = [[e for e in side if name in (e.cause, "all")] for side in (counted, reacting)]
        v = value_of(*pair)
        cells = [
            "nothing" if name == "none" else name,
            str(v.failed),
            share(v.harmed, v.failed),
            share(v.harmed_still, v.failed),
            share(v.safe, v.failed),
            str(v.good),
            share(v.lost, v.good),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def share(count: int, total: int) -> str:
    """``3/10 = 0.30 (0.11-0.60)`` with the 95 % Wilson interval; a dash for a share of nothing."""
    if total == 0:
        return "-"
    low, high = wilson_interval(count, total)
    return f"{count}/{total} = {count / total:.2f} ({low:.2f}-{high:.2f})"
