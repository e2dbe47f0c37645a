import numpy as np
import pytest

from training.demonstrations import parallel
from training.demonstrations.parallel import WorkerError, demonstrations
from training.demonstrations.rollout import demonstrate

TASK = "panda_pick_place"


@pytest.mark.parametrize("workers", [1, 2])
def test_in_the_order_of_the_seeds_and_the_same_with_any_number_of_workers(workers):
    found = list(demonstrations(TASK, range(3), 0.006, workers))
    assert [d.seed for d in found] == [0, 1, 2]
    for seed, recorded in enumerate(found):
        expected = demonstrate(TASK, seed, 0.006)
        for name, values in expected.frames.items():
            np.testing.assert_array_equal(values, recorded.frames[name])


def test_a_killed_process_is_an_error_with_a_fix(monkeypatch):
    class BrokenPool:
        def __init__(self, *args, **kwargs):
            self.closed = False

        def map(self, *args, **kwargs):
            raise parallel.BrokenProcessPool("a child process terminated abruptly")

        def shutdown(self, **kwargs):
            closed.append(kwargs)

    closed = []
    monkeypatch.setattr(parallel, "ProcessPoolExecutor", BrokenPool)
    with pytest.raises(WorkerError, match="was killed") as caught:
        list(demonstrations(TASK, range(4), 0.0, 2))
    assert "--workers" in caught.value.fix and closed == [{"wait": True, "cancel_futures": True}]
