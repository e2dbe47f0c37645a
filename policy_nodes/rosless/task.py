"""``rclpy.task``: futures and the tasks an executor drives.

A coroutine that awaits a :class:`Future` sleeps until the future is done and is then queued again; it is not polled.
"""

from __future__ import annotations

import inspect
import threading
import warnings
import weakref
from collections.abc import Callable, Generator
from typing import Any


class Future:
    """The outcome of work that is under way.

    Args:
        executor: done-callbacks are run by it; without one they run where the future is completed.
    """

    def __init__(self, *, executor: Any = None) -> None:
        self._lock = threading.Lock()
        self._done = False
        self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._exception_fetched = False
        self._callbacks: list[Callable[[Future], Any]] = []
        self._wakers: list[Callable[[], None]] = []
        self._executor = weakref.ref(executor) if executor is not None else None

    def __del__(self) -> None:
        if self._exception is not None and not self._exception_fetched:
            warnings.warn(f"The following exception was never retrieved: {self._exception}", stacklevel=2)

    def __await__(self) -> Generator[Future, None, Any]:
        while not (self._done or self._cancelled):
            yield self
        return self.result()

    def done(self) -> bool:
        """Whether a result or an exception is set."""
        return self._done

    def cancelled(self) -> bool:
        """Whether it was cancelled before completion."""
        return self._cancelled

    def result(self) -> Any:
        """The result, None while pending.

        Raises:
            BaseException: the exception that was set.
        """
        if self._exception is not None:
            self._exception_fetched = True
            raise self._exception
        return self._result

    def exception(self) -> BaseException | None:
        """The exception that was set, or None."""
        self._exception_fetched = True
        return self._exception

    def cancel(self) -> None:
        """Cancel it, unless it is complete."""
        self._complete(cancel=True)

    def set_result(self, result: Any) -> None:
        """Complete it with a result."""
        self._complete(result=result)

    def set_exception(self, exception: BaseException) -> None:
        """Complete it with an exception."""
        self._complete(exception=exception)

    def _complete(self, *, result: Any = None, exception: BaseException | None = None, cancel: bool = False) -> None:
        with self._lock:
            if self._done or self._cancelled:
                return
            self._result, self._exception, self._cancelled = result, exception, cancel
            self._done = not cancel
            callbacks, self._callbacks = self._callbacks, []
            wakers, self._wakers = self._wakers, []
        for waker in wakers:
            waker()
        for callback in callbacks:
            self._run_callback(callback)

    def _run_callback(self, callback: Callable[[Future], Any]) -> None:
        executor = self._executor() if self._executor is not None else None
        if executor is not None:
            executor.create_task(callback, self)
            return
        try:
            callback(self)
        except Exception as error:
            warnings.warn(f"Unhandled exception in done callback: {error}", stacklevel=2)

    def _set_executor(self, executor: Any) -> None:
        with self._lock:
            self._executor = weakref.ref(executor) if executor is not None else None

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        """Call ``callback(self)`` on completion or cancellation; at once when that is past."""
        with self._lock:
            if not (self._done or self._cancelled):
                self._callbacks.append(callback)
                return
        self._run_callback(callback)

    def _when_done(self, waker: Callable[[], None]) -> None:
        """Call ``waker`` in the completing thread; at once when complete."""
        with self._lock:
            if not (self._done or self._cancelled):
                self._wakers.append(waker)
                return
        waker()


class Task(Future):
    """A function or coroutine that an executor runs; a future of what it returns.

    Args:
        handler: function, coroutine function or coroutine.
        args: positional arguments.
        kwargs: keyword arguments.
        executor: runs it, and continues it after each await.
    """

    def __init__(
        self,
        handler: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        executor: Any = None,
    ) -> None:
        super().__init__(executor=executor)
        if inspect.iscoroutinefunction(handler):
            handler = handler(*args, **(kwargs or {}))
        self._handler = handler
        self._args, self._kwargs = args, kwargs or {}
        self._executing = threading.Lock()

    def __call__(self) -> None:
        """Run to the end, or to the next await."""
        if self._done or self._cancelled or not self._executing.acquire(blocking=False):
            return
        awaited: Any = None
        suspended = False
        try:
            if inspect.iscoroutine(self._handler):
                awaited = self._handler.send(None)
                suspended = True
            else:
                outcome = self._handler(*self._args, **self._kwargs)
                if inspect.iscoroutine(outcome):
                    self._handler, suspended = outcome, True
                else:
                    self.set_result(outcome)
        except StopIteration as stop:
            self.set_result(stop.value)
        except Exception as error:
            self.set_exception(error)
        finally:
            self._executing.release()
        if suspended:
            self._continue_after(awaited)

    def _continue_after(self, awaited: Any) -> None:
        executor = self._executor() if self._executor is not None else None
        if executor is None:
            return
        if awaited is None:
            executor._schedule(self)
        elif isinstance(awaited, Future):
            awaited._when_done(lambda: executor._schedule(self))
        else:
            self.set_exception(TypeError(f"only rclpy futures can be awaited in a callback, not {awaited!r}"))

    def cancel(self) -> None:
        """Cancel it and close its coroutine."""
        if inspect.iscoroutine(self._handler) and self._executing.acquire(blocking=False):
            try:
                self._handler.close()
            finally:
                self._executing.release()
        super().cancel()

    def executing(self) -> bool:
        """Whether a thread runs it right now."""
        return self._executing.locked()


__all__ = ["Future", "Task"]
