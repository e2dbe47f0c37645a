import threading

import pytest

from policy_nodes.realtime.rate_loop import RateLoop

MS = 1_000_000


class World:
    """A clock that only sleeping and working move; each sleep wakes ``late_ns`` too late."""

    def __init__(self, late_ns: int = 0) -> None:
        self.now = 5_000 * MS
        self.late_ns = late_ns

    def clock(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9) + self.late_ns


def run(world: World, durations_ms: list[float], **options: object) -> tuple[RateLoop, list[int]]:
    """Run one tick per duration and return the wake-up times in ms since the start."""
    started, pending = [], list(durations_ms)
    begin = world.now

    def tick(now: int) -> None:
        started.append((now - begin) // MS)
        world.now += round(pending.pop(0) * MS)
        if not pending:
            loop.stop()

    loop = RateLoop(tick, 0.01, clock=world.clock, sleep=world.sleep, **options)  # type: ignore[arg-type]
    loop.run()
    return loop, started


def test_deadlines_are_absolute() -> None:
    loop, started = run(World(), [1, 9, 2, 0.5, 3])
    assert started == [0, 10, 20, 30, 40]
    assert (loop.ticks, loop.overruns, loop.skipped) == (5, 0, 0)
    assert loop.histogram.max_s == pytest.approx(0.009)


def test_late_wake_ups_do_not_accumulate() -> None:
    loop, started = run(World(late_ns=2 * MS), [1, 1, 1, 1])
    assert started == [0, 12, 22, 32]
    assert loop.lateness.max_s == pytest.approx(0.002)


def test_a_small_overrun_is_caught_up() -> None:
    loop, started = run(World(), [1, 13, 1, 1])
    assert started == [0, 10, 23, 30]
    assert (loop.overruns, loop.skipped) == (1, 0)


def test_missed_deadlines_are_skipped_and_the_phase_is_kept() -> None:
    loop, started = run(World(), [35, 1, 1])
    assert started == [0, 35, 40]
    assert (loop.overruns, loop.skipped) == (1, 2)


def test_an_error_ends_the_loop_and_is_raised_by_stop() -> None:
    world = World()

    def tick(now: int) -> None:
        raise ZeroDivisionError("broken")

    loop = RateLoop(tick, 0.01, clock=world.clock, sleep=world.sleep)
    loop.run()
    with pytest.raises(ZeroDivisionError):
        loop.stop()
    loop.stop()


def test_with_a_handler_the_loop_survives_errors() -> None:
    seen: list[Exception] = []
    world = World()

    def tick(now: int) -> None:
        if len(seen) == 3:
            loop.stop()
            return
        raise ValueError(str(len(seen)))

    loop = RateLoop(tick, 0.01, clock=world.clock, sleep=world.sleep, on_error=seen.append)
    loop.run()
    assert [str(error) for error in seen] == ["0", "1", "2"]


def test_runs_in_its_own_thread_until_stopped() -> None:
    ticked, names = threading.Event(), []

    def tick(now: int) -> None:
        if loop.ticks == 3:
            ticked.set()

    loop = RateLoop(tick, 0.001, on_start=lambda: names.append(threading.current_thread().name), name="control")
    loop.start()
    assert ticked.wait(5.0)
    assert loop.running
    loop.stop()
    assert not loop.running
    assert names == ["control"]


def test_stop_says_when_a_tick_hangs() -> None:
    inside, release = threading.Event(), threading.Event()

    def tick(now: int) -> None:
        inside.set()
        release.wait(5.0)

    loop = RateLoop(tick, 0.001, name="stuck")
    loop.start()
    assert inside.wait(5.0)
    with pytest.raises(TimeoutError, match="stuck"):
        loop.stop(timeout_s=0.0)
    release.set()
    loop.stop()


def test_period_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        RateLoop(lambda now: None, 0.0)
