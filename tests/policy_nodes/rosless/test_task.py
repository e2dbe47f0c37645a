from collections import deque

import pytest

from policy_nodes.rosless.task import Future, Task

pytestmark = pytest.mark.pure


class Queue:
    """The part of an executor that tasks use, run by hand."""

    def __init__(self):
        self.tasks = deque()

    def _schedule(self, task):
        self.tasks.append(task)

    def create_task(self, callback, *args):
        task = Task(callback, args, executor=self)
        self._schedule(task)
        return task

    def run(self):
        count = 0
        while self.tasks:
            self.tasks.popleft()()
            count += 1
        return count


def test_future_result_exception_and_cancel():
    future = Future()
    assert not future.done() and future.result() is None
    future.set_result(1)
    future.set_result(2)
    assert future.done() and future.result() == 1
    failed = Future()
    failed.set_exception(ValueError("x"))
    assert isinstance(failed.exception(), ValueError)
    with pytest.raises(ValueError, match="x"):
        failed.result()
    cancelled = Future()
    cancelled.cancel()
    cancelled.set_result(1)
    assert cancelled.cancelled() and not cancelled.done()


def test_done_callbacks_run_once_before_or_after():
    future, calls = Future(), []
    future.add_done_callback(calls.append)
    future.set_result(None)
    future.add_done_callback(calls.append)
    assert calls == [future, future]


def test_callbacks_go_through_the_executor():
    queue, calls = Queue(), []
    future = Future(executor=queue)
    future.add_done_callback(calls.append)
    future.set_result(1)
    assert calls == []
    queue.run()
    assert calls == [future]


def test_a_waiting_coroutine_is_not_polled():
    queue, gate = Queue(), Future()

    async def work():
        return await gate + 1

    task = queue.create_task(work)
    assert queue.run() == 1 and not task.done()
    assert queue.run() == 0  # nothing to do while the gate is shut
    gate.set_result(1)
    assert queue.run() == 1 and task.result() == 2


def test_nested_awaits_and_exceptions():
    queue, gate = Queue(), Future()

    async def inner():
        await gate

    async def outer():
        try:
            await inner()
        except KeyError:
            return "caught"

    task = queue.create_task(outer)
    queue.run()
    gate.set_exception(KeyError("k"))
    queue.run()
    assert task.result() == "caught"


def test_awaiting_something_foreign_is_an_error():
    class Foreign:
        def __await__(self):
            yield "asyncio"

    async def work():
        await Foreign()

    queue = Queue()
    task = queue.create_task(work)
    queue.run()
    with pytest.raises(TypeError, match="only rclpy futures"):
        task.result()


def test_cancelling_a_task_closes_its_coroutine():
    queue, closed = Queue(), []

    async def work():
        try:
            await Future()
        finally:
            closed.append(1)

    task = queue.create_task(work)
    queue.run()
    task.cancel()
    assert task.cancelled() and closed == [1]


def test_an_unfetched_exception_is_reported():
    future = Future()
    future.set_exception(ValueError("lost"))
    with pytest.warns(UserWarning, match="lost"):
        del future
