import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.errors import ConfigError
from policy_nodes.safety.stl import Monitor, parse
from policy_nodes.safety.stl.windows import SinceWindow, SlidingMax

INF = math.inf
VALUES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=40)


def run(text: str, a: list[float], b: list[float] | None = None, **options: bool) -> list[float]:
    monitor = Monitor(parse(text, "ab", 1.0), "ab", **options)
    return [monitor.update([x, y]) for x, y in zip(a, b or [0.0] * len(a), strict=True)]


@pytest.mark.parametrize(
    ("text", "a", "expected"),
    [
        ("a > 1", [0, 1, 3], [-1, 0, 2]),
        ("a <= 1", [0, 1, 3], [1, 0, -2]),
        ("a == 1", [0, 1, 3], [-1, 0, -2]),
        ("a !== 1", [0, 1, 3], [1, 0, 2]),
        ("not a > 1", [0, 1, 3], [1, 0, -2]),
        ("a > 1 iff a > 2", [0, 1, 3], [-1, -1, -1]),
        ("a > 1 xor a > 2", [0, 1, 3], [1, 1, 1]),
        ("a > 1 implies a > 2", [0, 1, 4], [1, 0, 2]),
        ("max(a, 2) * 2 > abs(a - 4)", [0, 1, 3], [0, 1, 5]),
        ("pow(a, 2) / 2 > sqrt(a)", [0, 1, 4], [0, -0.5, 6]),
        ("historically (a > 0)", [2, 1, 3, -1, 5], [2, 1, 1, -1, -1]),
        ("once (a > 0)", [-2, 1, 0, 3, -1], [-2, 1, 1, 3, 3]),
        ("historically[0:1](a > 0)", [2, 1, 3, -1, 5], [2, 1, 1, -1, -1]),
        ("once[1:2](a > 0)", [4, 1, 2, 0, 0, 0], [-INF, 4, 4, 2, 2, 0]),
        ("historically[2:3](a > 0)", [4, 1, 2, 0], [INF, INF, 4, 1]),
        ("prev(a > 0)", [1, 2], [INF, 1]),
        ("s_prev(a > 0)", [1, 2], [-INF, 1]),
        ("rise(a > 0)", [1, -2, 3], [1, -2, 2]),
        ("fall(a > 0)", [1, -2, 3], [-1, 1, -3]),
    ],
)
def test_by_hand(text: str, a: list[float], expected: list[float]) -> None:
    assert run(text, a) == expected


def test_since_by_hand() -> None:
    a, b = [5, 4, 1, 3, -1, 2], [-1, 3, -2, 0, -5, -5]
    # Candidates: b at k, then the smallest a after k up to now.
    assert run("(a > 0) since (b > 0)", a, b) == [-1, 3, 1, 1, -1, -1]
    assert run("(a > 0) since[0:1] (b > 0)", a, b) == [-1, 3, 1, 0, -1, -5]
    assert run("(a > 0) since[1:2] (b > 0)", a, b) == [-INF, -1, 1, 1, -1, -1]


@given(VALUES, st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_sliding_maximum_equals_its_definition(values: list[float], begin: int, more: int) -> None:
    window = SlidingMax(begin, begin + more, -INF)
    for t, value in enumerate(values):
        seen = [values[k] for k in range(max(t - begin - more, 0), t - begin + 1)]
        assert window.push(value) == max(seen, default=-INF)


@given(VALUES, st.randoms(use_true_random=False), st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_bounded_since_equals_its_definition(left: list[float], rng: random.Random, begin: int, more: int) -> None:
    right = [float(rng.randint(-3, 3)) for _ in left]
    window = SinceWindow(begin, begin + more, -INF)
    for t in range(len(left)):
        candidates = range(max(t - begin - more, 0), t - begin + 1)
        expected = max((min([right[k], *left[k + 1 : t + 1]]) for k in candidates), default=-INF)
        assert window.push(left[t], right[t]) == expected


@pytest.mark.parametrize("window", [10, 1000, 100_000])
def test_queues_stay_as_short_as_their_window(window: int) -> None:
    queue, since = SlidingMax(0, window, -INF), SinceWindow(3, window, -INF)
    for k in range(5000):
        queue.push(-float(k))
        since.push(INF, -float(k))
    assert len(queue._queue) <= min(window + 1, 5001)
    assert len(since._queue) <= min(window + 1, 5001)


def test_waiting_for_history_assumes_the_best_until_the_window_is_full() -> None:
    late = {"wait_for_history": True}
    assert run("once[0:2](a > 0)", [-1, -2, -3, -4, 1], **late) == [INF, INF, -1, -2, 1]
    assert run("not historically[0:2](a > 0)", [1, 2, 3, 4], **late) == [INF, INF, -1, -2]
    assert run("historically[0:2](a > 0)", [1, -2, 3], **late) == [1, -2, -2]
    assert run("(a > 0) since[0:2] (b > 0)", [1, 1, 1, 1], [-1, -2, -3, -4], **late) == [1, 1, -1, -2]
    assert run("(a > 0) since[0:2] (b > 0)", [1, -3, 1, 1], [-1, -2, -4, -4], **late) == [1, -2, -2, -2]
    assert run("(a > 0) since[1:2] (b > 0)", [1, 1, 1, 1], [-1, -2, -3, -4], **late) == [1, 1, -1, -2]
    assert run("rise(a > 0)", [1, 2, -1], **late) == [1, -1, -2]
    assert run("not rise(a > 0)", [1, 2, -1], **late) == [INF, 1, 2]
    assert run("s_prev(a > 0)", [1, 2], **late) == [INF, 1]
    assert run("not prev(a > 0)", [1, 2], **late) == [INF, -1]


def test_peeking_leaves_the_monitor_as_it_was() -> None:
    text = "historically[0:3](a > 0) and ((a > 0) since[1:4] (b > 0)) and once(b > 0) and prev(a > -1)"
    rng = random.Random(1)
    samples = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(40)]
    plain, peeked = (Monitor(parse(text, "ab", 1.0), "ab") for _ in range(2))
    for k, sample in enumerate(samples):
        future = samples[k : k + 5]
        expected = peeked.peek(future)
        assert plain.update(sample) == peeked.update(sample)
        fresh = Monitor(parse(text, "ab", 1.0), "ab")
        assert expected == min([fresh.update(s) for s in samples[: k + 5]][k:])
    assert plain.peek([]) == INF


def test_reset_forgets() -> None:
    monitor = Monitor(parse("historically[0:9](a > 0) and once(b > 0)", "ab", 1.0), "ab")
    first = [monitor.update([x, 1.0]) for x in (3.0, -1.0, 2.0)]
    monitor.reset()
    assert [monitor.update([x, 1.0]) for x in (3.0, -1.0, 2.0)] == first


@pytest.mark.parametrize("text", ["1 / a > 0", "sqrt(a - 1) > 0", "exp(1000 + a) > 0", "pow(a, -1) > 0"])
def test_undefined_arithmetic_raises(text: str) -> None:
    with pytest.raises((ArithmeticError, ValueError)):
        run(text, [0.0])


def test_difference_of_infinities_raises() -> None:
    with pytest.raises(ArithmeticError):
        run("1e200 * (a * 1e200) > 1e200 * (a * 1e200)", [1.0])


def test_future_and_unknown_signals_are_refused() -> None:
    with pytest.raises(ConfigError, match="future"):
        Monitor(parse("always[0:1](a > 0)", "a", 1.0), "a")
    with pytest.raises(ConfigError, match="unknown signal 'b'"):
        Monitor(parse("b > 0", "ab", 1.0), "a")
