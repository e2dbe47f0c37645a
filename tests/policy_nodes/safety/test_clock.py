import numpy as np

from policy_nodes.safety.clock import TickClock
from policy_nodes.safety.reasons import Reason

MS = 1_000_000


def test_jitter_of_the_loop_does_not_reach_the_lookup() -> None:
    clock, rng, grid = TickClock(0.01, 0.25), np.random.default_rng(0), []
    for k in range(500):
        assert clock.advance(k * 10 * MS + int(rng.normal() * 1.0 * MS)) is None
        grid.append(clock.lookup_ns)
    steps = np.diff(grid)
    assert np.abs(steps - 10 * MS).max() <= 0.02 * 10 * MS
    assert abs(grid[-1] - 499 * 10 * MS) < 2 * MS


def test_follows_a_drifting_clock() -> None:
    clock = TickClock(0.01, 0.25)
    for k in range(1000):
        clock.advance(int(k * 10.05 * MS))
    assert abs(clock.lookup_ns - int(999 * 10.05 * MS)) < 2 * MS


def test_resynchronises_after_missed_ticks() -> None:
    clock = TickClock(0.01, 0.25)
    clock.advance(0)
    clock.advance(50 * MS)
    assert clock.lookup_ns == 50 * MS


def test_jumps_are_faults_in_both_directions() -> None:
    clock = TickClock(0.01, 0.25)
    assert clock.advance(1000 * MS) is None
    assert clock.advance(1251 * MS).reason is Reason.CLOCK_JUMP  # type: ignore[union-attr]
    assert clock.advance(1261 * MS) is None
    fault = clock.advance(1260 * MS)
    assert fault is not None
    assert "went back 0.001 s" in fault.detail


def test_a_clock_that_stands_still_is_a_fault_after_the_same_time() -> None:
    clock = TickClock(0.01, 0.25)
    clock.advance(1000 * MS)
    assert all(clock.advance(1000 * MS) is None for _ in range(25))  # 25 periods of 10 ms are not more than 0.25 s
    fault = clock.advance(1000 * MS)
    assert fault is not None and fault.reason is Reason.CLOCK_JUMP
    assert fault.detail == "the clock has stood still for 0.260 s"
    assert clock.advance(1010 * MS) is None


def test_a_clock_coarser_than_the_ticks_is_none() -> None:
    clock = TickClock(0.002, 0.25)
    lookups = []
    for k in range(1000):  # /clock at 100 Hz, control at 500 Hz
        assert clock.advance(k // 5 * 10 * MS) is None
        assert clock.steady_ns == k * 2 * MS
        lookups.append(clock.lookup_ns)
    assert set(np.diff(lookups)) == {2 * MS}
