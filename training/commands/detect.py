"""``keel evaluate --detect``: the failure predictor of a bundle under every cause of failure of its task."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

from policy_nodes.bundle.load import Bundle
from policy_nodes.cli.progress import ProgressBar
from policy_nodes.errors import ConfigError
from training.atomic import write_file
from training.contracts.task import TaskContract
from training.disturbances.cause import Cause
from training.disturbances.registry import disturbances
from training.evaluation.closed_loop import ClosedLoop
from training.evaluation.detection import REST_S, Watched, detection_table, value_table, watch_episodes
from training.evaluation.monitor import open_monitor

RESULTS_NAME = "detection.json"
APART = 10_000
"""Seeds between two causes."""


def run_detect(
    bundle: Bundle,
    contract: TaskContract,
    *,
    episodes: int,
    each: int,
    causes: tuple[str, ...],
    seed: int,
    seconds: float,
    react: bool,
    output: Path | None,
    provider: str = "cpu",
) -> int:
    """Run, print the tables and write ``detection.json``; returns 0.

    Args:
        bundle: calibrated bundle.
        contract: of its task.
        episodes: in which nothing goes wrong.
        each: episodes of every cause.
        causes: names to try; all when empty.
        seed: of the first episode.
        seconds: simulated time limit of an episode.
        react: also run everything with alarms connected to the governor, and say what that changed.
        output: directory for the results.
        provider: execution provider.

    Raises:
        ConfigError: the bundle is not calibrated, the task has no causes, or a name is unknown.
    """
    suite = disturbances(contract.name)
    monitor, samples = open_monitor(bundle)
    if monitor is None:
        raise ConfigError(f"--detect, but {bundle.path.name} has no failure predictor.", "run `keel calibrate` first.")
    known = [cause.name for cause in suite.make_causes()]
    unknown = sorted(set(causes) - set(known))
    if unknown:
        raise ConfigError(f"no cause '{unknown[0]}' for {contract.name}.", f"use one of: {', '.join(known)}.")
    chosen = [name for name in known if not causes or name in causes]
    world = contract.make_world()
    harm = suite.make_harm(world)
    loop = ClosedLoop(bundle, world, monitor=monitor, samples=samples, react=False, provider=provider, rest_s=REST_S)
    runs: dict[bool, list[Watched]] = {}
    with ProgressBar("detect", total=(episodes + each * len(chosen)) * (1 + react)) as bar:
        for reacting in (False, True)[: 1 + react]:
            loop.react = reacting
            runs[reacting] = []
            for index, cause in enumerate([Cause(), *suite.make_causes()]):
                if index and cause.name not in chosen:
                    continue
                first = seed + APART * index
                seeds = range(first, first + (each if index else episodes))
                runs[reacting] += watch_episodes(
                    loop, world, cause, harm, seeds, seconds, lambda what: bar.advance(last=what)
                )
    text = detection_table(runs[False])
    if react:
        text += "\n\nThe same episodes with alarms connected to the safety governor:\n\n"
        text += value_table(runs[False], runs[True])
    print(text)
    if output is not None:
        rows = [{"reacting": key, **_plain(asdict(e))} for key, found in runs.items() for e in found]
        output.mkdir(parents=True, exist_ok=True)
        write_file(output / RESULTS_NAME, json.dumps({"bundle": bundle.manifest.name, "episodes": rows}, indent=1))
        write_file(output / "detection.md", text + "\n")
    return 0


def _plain(row: dict[str, object]) -> dict[str, object]:
    """JSON has no NaN."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
