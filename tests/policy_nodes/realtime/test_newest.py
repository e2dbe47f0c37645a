import threading

import pytest

from policy_nodes.realtime.newest import NewestWorker


class Gate:
    """Work that announces itself and waits to be let through; no sleeping."""

    def __init__(self):
        self.begun, self.go, self.done = threading.Semaphore(0), threading.Semaphore(0), []

    def __call__(self, request):
        self.begun.release()
        assert self.go.acquire(timeout=10)
        if isinstance(request, Exception):
            raise request
        self.done.append(request)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def errors():
    return []


@pytest.fixture
def worker(gate, errors):
    made = NewestWorker(gate, on_error=errors.append)
    made.start()
    yield made
    for _ in range(10):
        gate.go.release()
    assert made.stop()


def test_the_newest_waiting_request_wins(worker, gate):
    assert worker.submit("a")
    assert gate.begun.acquire(timeout=10)
    assert worker.submit("b")
    assert not worker.submit("c")
    assert not worker.submit("d")
    assert worker.busy and worker.replaced == 2
    gate.go.release()
    assert gate.begun.acquire(timeout=10)
    gate.go.release()
    assert worker.wait_idle(10)
    assert gate.done == ["a", "d"] and worker.completed == 2
    assert worker.durations.count == 2 and worker.waits.count == 2


def test_an_error_is_reported_and_the_worker_goes_on(worker, gate, errors):
    for request in (ValueError("broken"), "after"):
        worker.submit(request)
        assert gate.begun.acquire(timeout=10)
        gate.go.release()
        assert worker.wait_idle(10)
    assert [str(error) for error in errors] == ["broken"]
    assert gate.done == ["after"]


def test_a_waiting_request_can_be_withdrawn(worker, gate):
    worker.submit("a")
    assert gate.begun.acquire(timeout=10)
    worker.submit("b")
    worker.cancel()
    gate.go.release()
    assert worker.wait_idle(10)
    assert gate.done == ["a"]


def test_submitting_never_waits_for_the_work(worker, gate):
    worker.submit(0)
    assert gate.begun.acquire(timeout=10)
    for request in range(100):
        worker.submit(request)
    assert gate.done == []  # the work still stands at the gate


def test_how_long_the_present_work_takes_is_known(gate, errors):
    now = [5.0]
    worker = NewestWorker(gate, on_error=errors.append, clock=lambda: now[0])
    assert worker.busy_s() == 0.0
    worker.start()
    worker.submit("a")
    assert gate.begun.acquire(timeout=10)
    now[0] = 7.5
    assert worker.busy_s() == 2.5
    gate.go.release()
    assert worker.wait_idle(10)
    assert worker.durations.max_s == 2.5 and worker.busy_s() == 0.0
    assert worker.stop() and not worker.running


def test_it_ends_without_having_worked_and_says_when_it_could_not(gate, errors):
    idle = NewestWorker(gate, on_error=errors.append, on_start=lambda: errors.append("started"))
    idle.start()
    assert idle.stop() and errors == ["started"]
    stuck = NewestWorker(gate, on_error=errors.append)
    stuck.start()
    stuck.submit("x")
    assert gate.begun.acquire(timeout=10)
    assert not stuck.stop(timeout_s=0.0)
    gate.go.release()
    assert stuck.stop()
