"""``rclpy.executors``: wait for work and run it, in one thread or in a pool.

The executor itself waits on a DDS wait set (never a DDS listener: those run on the receive thread and deadlock with the
GIL). Order within one wake-up is rclpy's: tasks, then per node events, timers, subscriptions, guard conditions,
clients, services. Only entities whose callback group is free are waited for, so a blocked one never makes the wait
return at once and spin.
"""

from __future__ import annotations

import functools
import inspect
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from policy_nodes.rosless.context import Context
from policy_nodes.rosless.task import Future, Task
from policy_nodes.rosless.utilities import get_default_context
from policy_nodes.rosless.wire.waitset import Guard, WaitSet

WAIT_SLICE_NS = 100_000_000  # longest stay in C: bounds how late Python's own signal handlers run


class TimeoutException(Exception):
    """Nothing became ready in time."""


class ShutdownException(Exception):
    """The executor was shut down."""


class ConditionReachedException(Exception):
    """What the caller waits for has happened."""


class ExternalShutdownException(Exception):
    """The context was shut down, by a signal or from another thread."""

    def __init__(self) -> None:
        super().__init__("Context has been shutdown.")


class Executor:
    """Base of the executors.

    Args:
        context: default when None.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        self._context = context or get_default_context()
        session = self._context.session()
        self._guard = Guard(session.entity)
        self._waitset = WaitSet(session.entity)
        self._context.track_guard(self._guard)
        self._lock = threading.RLock()
        self._nodes: list[Any] = []
        self._tasks: deque[Task] = deque()
        self._ready: deque[tuple[int, Any, Any]] = deque()
        self._in_flight = 0
        self._idle = threading.Condition(self._lock)
        self._is_shutdown = False
        self._stale = True  # the cached plan below must be rebuilt
        self._order: dict[int, tuple[int, Any, Any]] = {}  # DDS entity number to (turn, node, entity)
        self._wanted: set[int] = set()
        self._only_guard = {self._guard.entity}
        self._timers: list[tuple[int, Any, Any]] = []

    @property
    def context(self) -> Context:
        """The context it belongs to."""
        return self._context

    # Nodes

    def add_node(self, node: Any) -> bool:
        """Run the node's callbacks; False when it already does."""
        with self._lock:
            if self._is_shutdown or node in self._nodes:
                return False
            self._nodes.append(node)
        node.executor = self
        self.wake()
        return True

    def remove_node(self, node: Any) -> None:
        """Stop running the node's callbacks."""
        with self._lock:
            if node not in self._nodes:
                return
            self._nodes.remove(node)
        node._rosless.forget_executor(self)
        self.wake()

    def get_nodes(self) -> list[Any]:
        """The nodes it runs."""
        with self._lock:
            return list(self._nodes)

    def wake(self) -> None:
        """Reconsider what to wait for."""
        self._stale = True
        self._guard.set()

    # Tasks

    def create_task(self, callback: Any, *args: Any, **kwargs: Any) -> Task:
        """Run a function, coroutine function or coroutine in the executor; the task is a future of its result."""
        task = Task(callback, args, kwargs, executor=self)
        self._schedule(task)
        return task

    def _schedule(self, task: Task) -> None:
        with self._lock:
            self._tasks.append(task)
        self._guard.set()

    # Choosing work

    def _can_start(self) -> bool:
        """Whether there is a thread to run a callback."""
        return True

    def _rebuild(self) -> None:
        self._stale = False
        ordered = ((node, entity) for node in self.get_nodes() for entity in node._rosless.waitables())
        runnable = (pair for pair in ordered if pair[1].callback_group.can_execute(pair[1]))
        plan = [(index, node, entity) for index, (node, entity) in enumerate(runnable)]
        self._order = {number: item for item in plan for number in item[2]._conditions()}
        self._wanted = {self._guard.entity, *self._order}
        self._timers = [item for item in plan if hasattr(item[2], "_wait_ns")]

    def _wait(self, budget_ns: int) -> bool:
        """Wait once and queue what is ready; True when something is."""
        if self._stale:
            self._rebuild()
        startable = self._can_start()
        timers = self._timers if startable else ()
        budget_ns = min(budget_ns, WAIT_SLICE_NS)
        for _, _, timer in timers:
            if (left := timer._wait_ns()) is not None and left < budget_ns:
                budget_ns = left
        self._waitset.update(self._wanted if startable else self._only_guard)
        # what a removed node left is dropped: conditions stay triggered until taken, so it is found again
        ready = self._ready
        ready.clear()
        order = self._order
        due = []
        for number in self._waitset.wait(budget_ns):
            if number in order:
                due.append(order[number])
            else:
                self._guard.take()
        for item in timers:
            if item[2].is_ready():
                due.append(item)
        if len(due) > 1:  # an entity with several conditions appears once
            due = [item for _, item in sorted({item[0]: item for item in due}.items())]
        ready.extend(due)
        return bool(due) or bool(self._tasks)

    def _next(self, end_ns: int | None, condition: Callable[[], bool]) -> Callable[[], None]:
        """The next piece of work, taken and ready to run.

        Raises:
            TimeoutException, ShutdownException, ExternalShutdownException, ConditionReachedException.
        """
        waited = False
        while True:
            if not self._context.ok():
                raise ExternalShutdownException()
            if self._is_shutdown:
                raise ShutdownException()
            if condition():
                raise ConditionReachedException()
            if (self._ready or self._tasks) and self._can_start() and (work := self._pop()) is not None:
                return work
            left = WAIT_SLICE_NS if end_ns is None else end_ns - time.monotonic_ns()
            if left <= 0 and waited:
                raise TimeoutException()
            waited = True
            self._wait(max(0, left))

    def _pop(self) -> Callable[[], None] | None:
        if self._tasks:
            with self._lock:
                task = self._tasks.popleft()
                self._in_flight += 1
            return functools.partial(self._run_task, task)
        ready = self._ready
        for _ in range(len(ready)):
            item = ready.popleft()
            _, node, entity = item
            if node not in self._nodes:
                ready.append(item)  # rclpy.spin_once takes the node out between calls; its turn is kept
                continue
            group = entity.callback_group
            if not group.beginning_execution(entity):
                continue
            thunk = None
            try:
                thunk = entity._take()
            finally:
                if thunk is None:
                    group.ending_execution(entity)
            if thunk is None:
                continue
            with self._lock:
                self._in_flight += 1
            return functools.partial(self._run_callback, entity, thunk)
        return None

    # Running it

    def _run_task(self, task: Task) -> None:
        try:
            task()
        finally:
            self._finished()
        if task.done() and (error := task.exception()) is not None:
            raise error

    def _run_callback(self, entity: Any, thunk: Callable[[], Any]) -> None:
        suspended = False
        try:
            outcome = thunk()
            if outcome is not None and inspect.iscoroutine(outcome):
                task = Task(outcome, executor=self)
                task._when_done(lambda: self._release(entity))
                suspended = True
                task()
                if task.done() and (error := task.exception()) is not None:
                    raise error
        finally:
            if suspended:
                self._stale = True
            else:
                entity.callback_group.ending_execution(entity)
            self._finished()

    def _release(self, entity: Any) -> None:
        entity.callback_group.ending_execution(entity)
        self.wake()

    def _finished(self) -> None:
        with self._lock:
            self._in_flight -= 1
            if self._is_shutdown:
                self._idle.notify_all()

    # Spinning

    def _spin_once(self, timeout_sec: float | None, condition: Callable[[], bool]) -> None:
        raise NotImplementedError

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for one callback and run it.

        Args:
            timeout_sec: s; None or negative waits for ever, 0 does not wait.

        Raises:
            ExternalShutdownException: the context is shut down (single-threaded executor).
        """
        self._spin_once(timeout_sec, lambda: False)

    def spin(self) -> None:
        """Run callbacks until the context or the executor is shut down."""
        while self._context.ok() and not self._is_shutdown:
            self._spin_once(None, lambda: False)

    def spin_once_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        """Run one callback, or return because the future is done."""
        future._when_done(self._guard.set)
        self._spin_once(timeout_sec, lambda: future.done() or future.cancelled())

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        """Run callbacks until the future is done, the timeout is over or the context is shut down."""
        future._when_done(self._guard.set)
        end = None if timeout_sec is None or timeout_sec < 0 else time.monotonic() + timeout_sec
        while self._context.ok() and not self._is_shutdown and not (future.done() or future.cancelled()):
            left = None if end is None else max(0.0, end - time.monotonic())
            self._spin_once(left, lambda: future.done() or future.cancelled())
            if end is not None and time.monotonic() >= end:
                return

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop spinning and wait for running callbacks.

        Args:
            timeout_sec: s; None or negative waits for ever, 0 does not wait.

        Returns:
            False when callbacks still run after the timeout.
        """
        with self._lock:
            self._is_shutdown = True
        self._guard.set()
        limit = None if timeout_sec is None or timeout_sec < 0 else timeout_sec
        with self._idle:
            if not self._idle.wait_for(lambda: self._in_flight <= self._own_callbacks(), limit):
                return False
        for node in self.get_nodes():
            self.remove_node(node)
        self._waitset.close()
        self._guard.close()
        return True

    def _own_callbacks(self) -> int:
        """Callbacks of this very thread, which shutdown must not wait for."""
        return 0

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


def _deadline_ns(timeout_sec: float | None) -> int | None:
    return None if timeout_sec is None or timeout_sec < 0 else time.monotonic_ns() + int(timeout_sec * 1e9)


class SingleThreadedExecutor(Executor):
    """Runs callbacks in the thread that spins."""

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        self._spinning_thread = 0

    def _own_callbacks(self) -> int:
        return self._in_flight if self._spinning_thread == threading.get_ident() else 0

    def _spin_once(self, timeout_sec: float | None, condition: Callable[[], bool]) -> None:
        try:
            work = self._next(_deadline_ns(timeout_sec), condition)
        except (ShutdownException, TimeoutException, ConditionReachedException):
            return
        self._spinning_thread = threading.get_ident()
        try:
            work()
        finally:
            self._spinning_thread = 0


class MultiThreadedExecutor(Executor):
    """Runs callbacks in a pool of threads; a callback's exception comes out of a later spin.

    Args:
        num_threads: size of the pool; the CPUs this process may use when None.
        context: default when None.
    """

    def __init__(self, num_threads: int | None = None, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        if num_threads is None:
            num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
        self._threads = max(1, num_threads)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="rosless-executor")
        self._errors: deque[BaseException] = deque()
        self._local = threading.local()

    def _can_start(self) -> bool:
        return self._in_flight < self._threads

    def _own_callbacks(self) -> int:
        return 1 if getattr(self._local, "working", False) else 0

    def _finished(self) -> None:
        super()._finished()
        self.wake()  # a thread and perhaps a callback group became free

    def _work(self, work: Callable[[], None]) -> None:
        self._local.working = True
        try:
            work()
        except BaseException as error:
            self._errors.append(error)
            self._guard.set()
        finally:
            self._local.working = False

    def _spin_once(self, timeout_sec: float | None, condition: Callable[[], bool]) -> None:
        try:
            work = self._next(_deadline_ns(timeout_sec), lambda: condition() or bool(self._errors))
        except (ShutdownException, TimeoutException, ConditionReachedException, ExternalShutdownException):
            work = None
        if work is not None:
            self._stale = True  # its callback group is taken
            self._pool.submit(self._work, work)
        if self._errors:
            raise self._errors.popleft()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop spinning, wait for running callbacks and end the threads; see :meth:`Executor.shutdown`."""
        done = super().shutdown(timeout_sec)
        self._pool.shutdown(wait=done and not self._own_callbacks())
        return done


__all__ = [
    "ConditionReachedException",
    "Executor",
    "ExternalShutdownException",
    "MultiThreadedExecutor",
    "ShutdownException",
    "SingleThreadedExecutor",
    "TimeoutException",
]
