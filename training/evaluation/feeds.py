"""Graph inputs of a policy as they occur in closed loop, to calibrate integers on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.load import Bundle
from policy_nodes.inference.policy import PolicySession
from training.evaluation.closed_loop import ClosedLoop
from training.suites.interface import TaskWorld

Feeds = dict[str, NDArray[np.float32]]


class RecordingSession(PolicySession):
    """A session that keeps what its graph is given."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle)
        self.feeds: list[Feeds] = []

    def _run(self, feeds: Feeds) -> Sequence[NDArray[np.float32]]:
        self.feeds.append({name: value.copy() for name, value in feeds.items()})
        return super()._run(feeds)


def record_feeds(bundle: Bundle, world: TaskWorld, seed: int, seconds: float) -> list[Feeds]:
    """Inputs of every call in one episode, each (1, ...).

    Args:
        bundle: the policy.
        world: its task.
        seed: of the episode.
        seconds: time limit (simulated).
    """
    loop = ClosedLoop(bundle, world)
    session = loop.session = RecordingSession(bundle)
    loop.run(seed, seconds)
    return session.feeds
