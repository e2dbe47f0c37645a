"""Records demonstrations in several processes, in the order of their seeds, and leaves no process behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from policy_nodes.errors import KeelError
from training.demonstrations.rollout import Demonstration, demonstrate

BLOCK = 8
"""Episodes per process that are submitted at once, so that few are simulated beyond those that are needed."""


class WorkerError(KeelError):
    """A recording process died."""


def demonstrations(
    task: str, seeds: Sequence[int], noise: float, workers: int = 0, policy: Path | None = None
) -> Generator[Demonstration, None, None]:
    """Demonstrations in the order of their seeds, the same whatever the number of workers.

    Args:
        task: contract name.
        seeds: one per episode.
        noise: standard deviation of the injected command noise (rad).
        workers: processes; 1 records in this one, 0 uses every core.
        policy: bundle that drives before the expert takes over.

    Raises:
        WorkerError: a process was killed.
    """
    record = partial(demonstrate, task, noise=noise, policy=policy)
    workers = min(workers or os.cpu_count() or 1, len(seeds))
    if workers <= 1:
        yield from map(record, seeds)
        return
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    try:
        for first in range(0, len(seeds), BLOCK * workers):
            with _sigint_blocked():
                results = pool.map(record, seeds[first : first + BLOCK * workers], chunksize=2)
            yield from results
    except BrokenProcessPool as error:
        raise WorkerError(
            "a process that records demonstrations was killed, perhaps for want of memory.", "use fewer --workers."
        ) from error
    finally:  # nobody waits for episodes that nobody wants: Ctrl-C and enough demonstrations end at once
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Processes started meanwhile inherit the mask: a terminal's Ctrl-C reaches only this one, which ends them."""
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def _end_with_parent() -> None:
    """Runs in each worker: ends it when its parent was killed and could not."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
