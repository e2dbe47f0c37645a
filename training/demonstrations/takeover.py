"""The policy drives first, and the expert takes over from where it got.

An imitator meets states that its expert never visits, and the expert's answers there are what it lacks: DAgger (Ross et
al. 2011, arXiv 1011.0686). A chunk is several commands in a row, so that single labels in the policy's own course would
not fit each other; here the expert drives from the takeover on, as in HG-DAgger (Kelly et al. 2019, arXiv 1810.02890),
at a random instant instead of a human's choice, and only its part is recorded.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from policy_nodes.bundle.load import Bundle, load_bundle
from policy_nodes.errors import ConfigError
from training.contracts.task import TaskContract
from training.evaluation.closed_loop import ClosedLoop
from training.suites.interface import TaskWorld


def drive(bundle: Path, contract: TaskContract, world: TaskWorld, seed: int) -> bool:
    """Let a bundle's policy drive from the seeded start until a random instant of the episode.

    Args:
        bundle: directory of the bundle, driven through the safety governor as on the robot.
        contract: task that the bundle was made for.
        world: left as the policy leaves it.
        seed: of the start, of the policy's noise and of the instant.

    Returns:
        Whether an expert has anything left to do: the task is neither done nor lost.

    Raises:
        BundleError, ConfigError: as ``driver``.
    """
    seconds = np.random.default_rng([seed, 3]).uniform(0.0, contract.episode_s)
    loop = _loop(bundle, contract.name, cast(Any, world))
    return loop.run(seed, seconds).outcome in ("timeout", "stopped")


def driver(path: Path, task: str) -> Bundle:
    """The bundle that drives.

    Raises:
        BundleError: it is damaged.
        ConfigError: it was made for another task.
    """
    bundle = load_bundle(path)
    if bundle.manifest.task != task:
        raise ConfigError(
            f"the bundle '{path}' does task '{bundle.manifest.task}', not '{task}'.", "give a bundle of this task."
        )
    return bundle


@lru_cache(maxsize=1)
def _loop(path: Path, task: str, world: TaskWorld) -> ClosedLoop:
    return ClosedLoop(driver(path, task), world)
