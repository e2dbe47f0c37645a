"""Success and smoothness against delay, for each way to execute chunks; the curves of ``docs/realtime.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from policy_nodes.bundle.chunking import Chunking, WarmStart
from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import ConfigError
from training.evaluation.latency import Latency
from training.evaluation.latency_loop import LatentLoop, TimedEpisode
from training.evaluation.statistics import paired_difference, wilson_interval
from training.suites.interface import TaskWorld


@dataclass(frozen=True)
class Execution:
    """A way to execute chunks.

    Attributes:
        chunking: joining and replanning.
        warm_start: which graph continues a chunk.
        every_step: plan again as often as the worker allows, not once per execution horizon.
    """

    chunking: Chunking
    warm_start: WarmStart
    every_step: bool = False


METHODS: dict[str, Execution] = {
    "naive": Execution(Chunking(), WarmStart()),
    "ensemble": Execution(Chunking(combine="ensemble"), WarmStart(), every_step=True),
    "rtc": Execution(Chunking(), WarmStart(method="guided")),
    "rtc_blend": Execution(Chunking(combine="blend"), WarmStart(method="guided")),
    "prefix": Execution(Chunking(), WarmStart(method="prefix")),
    "every": Execution(Chunking(), WarmStart(), every_step=True),
    "rti": Execution(Chunking(), WarmStart(method="warm_start"), every_step=True),
}
"""``naive`` changes to the new chunk when it arrives; ``ensemble`` is ACT's; ``rtc`` guides, and ``rtc_blend`` also
passes over gradually; ``prefix`` continues a given beginning; ``every`` samples in full at every step, which is what
``rti``, starting warm, must be compared with. ``METHOD:GRAPH`` names one of several graphs."""


@dataclass(frozen=True)
class Point:
    """One point of a curve.

    Attributes:
        method: key of ``METHODS``.
        delay_ms: charged per call.
        successes: of ``episodes``.
        episodes: number run.
        low: Wilson interval.
        high: Wilson interval.
        seam: mean distance at a change of chunks, norm over the joints; NaN where the old chunk was over each time.
        kick: mean second difference of the commands across a change, norm over the joints.
        smooth: mean second difference within the new chunk, just after the change.
        evaluations_per_call: network evaluations.
        evaluations_per_tick: network evaluations per control period.
        seconds: mean duration of the successful episodes, simulated.
        stops: episodes that the governor ended.
        outcomes: success by episode, in the order of the seeds.
    """

    method: str
    delay_ms: float
    successes: int
    episodes: int
    low: float
    high: float
    seam: float
    kick: float
    smooth: float
    evaluations_per_call: float
    evaluations_per_tick: float
    seconds: float
    stops: int
    outcomes: tuple[bool, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """For a JSON file."""
        return asdict(self)


def seam_of_naive(points: Sequence[Point]) -> list[float]:
    """Each point's seam as a share of that of ``naive`` at the same delay; NaN where there is nothing to compare."""
    naive = {point.delay_ms: point.seam for point in points if point.method == "naive"}
    floors = (naive.get(point.delay_ms, 0.0) for point in points)
    return [point.seam / floor if floor > 0.0 else float("nan") for point, floor in zip(points, floors, strict=True)]


def against_naive(points: Sequence[Point], confidence: float = 0.95) -> list[tuple[float, float, float] | None]:
    """Each point's success minus that of ``naive`` at the same delay on the same seeds, with its interval; or None."""
    naive = {point.delay_ms: point.outcomes for point in points if point.method == "naive"}
    return [
        paired_difference(point.outcomes, naive[point.delay_ms], confidence)
        if point.method != "naive" and point.delay_ms in naive
        else None
        for point in points
    ]


def execution(name: str) -> Execution:
    """The way that a name stands for: a key of ``METHODS``, or ``KEY:GRAPH`` for one of several graphs of its method.

    Raises:
        ConfigError: there is no such method, or it has no graph of its own.
    """
    key, _, graph = name.partition(":")
    if key not in METHODS:
        raise ConfigError(f"there is no method '{key}'.", f"choose from {', '.join(METHODS)}.")
    how = METHODS[key]
    if not graph:
        return how
    if how.warm_start.method == "full":
        raise ConfigError(f"method '{key}' uses no further graph, but '{graph}' is named.", f"give {key} alone.")
    return replace(how, warm_start=how.warm_start.model_copy(update={"variant": graph}))


def check_methods(names: Sequence[str], bundle: Bundle) -> None:
    """Refuse, before anything is simulated, a method that does not exist or whose graph the bundle lacks.

    Raises:
        ConfigError: names the method.
    """
    variants = {(variant.method, variant.name) for variant in bundle.manifest.policy.variants}
    for name in names:
        wanted = execution(name).warm_start
        have = {found for method, found in variants if method == wanted.method}
        if wanted.method != "full" and (not have if wanted.variant is None else wanted.variant not in have):
            raise ConfigError(f"the bundle has no graph for '{name}'.", "add it with `keel realtime`.")


def sweep(
    bundle: Bundle,
    world: TaskWorld,
    methods: Sequence[str],
    delays_ms: Sequence[float],
    *,
    episodes: int,
    seed: int,
    seconds: float,
    confidence: float = 0.95,
    progress: Callable[[Point | None], None] = lambda point: None,
) -> Iterator[Point]:
    """Every method at every delay on the same seeds.

    Args:
        bundle: with the graphs that the methods need.
        world: simulated robot.
        methods: keys of ``METHODS``.
        delays_ms: charged per call.
        episodes: per point.
        seed: of the first episode.
        seconds: time limit of an episode.
        confidence: of the interval.
        progress: called with None after every episode and with the point after its last.
    """
    check_methods(methods, bundle)
    for delay in delays_ms:
        for method in methods:
            how = execution(method)
            loop = LatentLoop(
                bundle,
                world,
                Latency(delay / 1e3),
                chunking=how.chunking,
                warm_start=how.warm_start,
                execution_steps=1 if how.every_step else None,
            )
            done = []
            for index in range(episodes):
                done.append(loop.run(seed + index, seconds))
                progress(None)
            point = summarise(method, delay, done, loop.period_ns / 1e9, confidence)
            progress(point)
            yield point


def summarise(
    method: str, delay_ms: float, episodes: Sequence[TimedEpisode], period_s: float, confidence: float
) -> Point:
    """One point from its episodes."""
    good = [episode for episode in episodes if episode.success]
    low, high = wilson_interval(len(good), len(episodes), confidence)

    def mean(values: list[list[float]]) -> float:
        joined = [value for part in values for value in part]
        return float(np.mean(joined)) if joined else float("nan")

    evaluations = sum(episode.evaluations for episode in episodes)
    calls, ticks = sum(len(e.inference_ms) for e in episodes), sum(e.steps for e in episodes)
    return Point(
        method,
        delay_ms,
        len(good),
        len(episodes),
        low,
        high,
        mean([episode.seams for episode in episodes]),
        mean([episode.kicks for episode in episodes]),
        mean([episode.smooth for episode in episodes]),
        evaluations / max(calls, 1),
        evaluations / max(ticks, 1),
        float(np.mean([episode.steps * period_s for episode in good])) if good else float("nan"),
        sum(episode.outcome == "stopped" for episode in episodes),
        tuple(episode.success for episode in episodes),
    )
