import random

import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.stl import Monitor, bounds, parse, robustness
from policy_nodes.safety.stl.offline import _formula
from tests.policy_nodes.safety.stl.random_formulas import SIGNALS, formula, predicate, trace, window

INF = float("inf")


def evaluate(text: str, a: list[float], b: list[float] | None = None) -> list[float]:
    return robustness(parse(text, "ab", 1.0), {"a": a, "b": b or [0.0] * len(a)}).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("always (a > 0)", [-1, -1, -1, -1, 4]),
        ("eventually (a > 0)", [4, 4, 4, 4, 4]),
        ("always[0:1](a > 0)", [1, 1, -1, -1, 4]),
        ("eventually[1:2](a > 0)", [3, 3, 4, 4, -INF]),
        ("eventually[7:9](a > 0)", [-INF] * 5),
        ("always[3:9](a > 0)", [-1, 4, INF, INF, INF]),
        ("next(a > 0)", [1, 3, -1, 4, INF]),
        ("s_next(a > 0)", [1, 3, -1, 4, -INF]),
        ("prev(a > 0)", [INF, 2, 1, 3, -1]),
        ("once[1:2](a > 0)", [-INF, 2, 2, 3, 3]),
    ],
)
def test_by_hand(text: str, expected: list[float]) -> None:
    assert evaluate(text, [2, 1, 3, -1, 4]) == expected


def test_until_by_hand() -> None:
    a, b = [5, 4, 1, 3], [-1, -2, 3, 2]
    # b at k, and the smallest a from now up to the sample before k.
    assert evaluate("(a > 0) until (b > 0)", a, b) == [3, 3, 3, 2]
    assert evaluate("(a > 0) until[0:1] (b > 0)", a, b) == [-1, 3, 3, 2]
    assert evaluate("(a > 0) until[3:3] (b > 0)", a, b) == [1, -INF, -INF, -INF]


def test_digest_values_under_hard_semantics() -> None:
    values = [0.3, -0.1, 0.25, 0.6]
    assert evaluate("eventually (a > 0)", values)[0] == 0.6
    assert evaluate("always (a > 0)", values)[0] == -0.1


def test_past_formulas_agree_with_the_on_line_monitor() -> None:
    for seed in range(150):
        rng = random.Random(seed)
        node, data = parse(formula(rng, rng.randrange(4), False), SIGNALS, 1.0), trace(rng, 25)
        monitor = Monitor(node, SIGNALS)
        online = [monitor.update([data["a"][t], data["b"][t]]) for t in range(25)]
        assert robustness(node, data).tolist() == online


def test_bounds_by_hand() -> None:
    def interval(text: str, a: list[float]) -> tuple[float, float]:
        return bounds(parse(text, "ab", 1.0), {"a": a, "b": [0.0] * len(a)})

    assert interval("always[0:3](a > 0)", [2.0, 1.0]) == (-INF, 1.0)
    assert interval("always[0:3](a > 0)", [2.0, -1.0]) == (-INF, -1.0)
    assert interval("eventually[0:3](a > 0)", [-2.0, -1.0]) == (-1.0, INF)
    assert interval("not eventually[0:3](a > 0)", [-2.0, 1.0]) == (-INF, -1.0)
    assert interval("eventually[0:1](a > 0)", [-2.0, -1.0]) == (-1.0, -1.0)
    assert interval("(a > 0) until[0:3] (a > 5)", [2.0, -1.0]) == (-3.0, -1.0)
    assert interval("(a > 0) until[0:3] (a > 5)", [2.0, 1.0]) == (-3.0, 1.0)
    assert interval("(a > 0) iff (a > 1)", [2.0]) == (-1.0, -1.0)
    assert interval("next(a > 0) xor (a > 1)", [2.0]) == (0.0, INF)


@pytest.mark.parametrize("block", range(3))
def test_bounds_of_the_first_sample_are_those_of_the_whole_evaluation(block: int) -> None:
    """Outermost windows are not slid; the full evaluation slides them all."""
    for seed in range(40 * block, 40 * block + 40):
        rng = random.Random(seed)
        text, length = bounded(rng, 3), rng.randrange(2, 12)
        data = trace(rng, length)
        quick = bounds(parse(text, SIGNALS, 1.0), data)
        whole = _formula(parse(text, SIGNALS, 1.0), {name: np.array(values) for name, values in data.items()}, 40)
        assert quick == tuple(whole[:, 0]), text


def bounded(rng: random.Random, depth: int) -> str:
    """A random formula about the future whose windows all end."""
    if depth == 0:
        return predicate(rng)
    inner = [bounded(rng, depth - 1) for _ in range(2)]
    if rng.random() < 0.6:
        return f"({rng.choice(['always', 'eventually'])}{window(rng, 6)} {inner[0]})"
    if rng.random() < 0.3:
        return f"({inner[0]} until{window(rng, 4)} {inner[1]})"
    return rng.choice([f"(not {inner[0]})", f"({inner[0]} and {inner[1]})", f"({inner[0]} implies {inner[1]})"])


def test_bounds_contain_every_continuation() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        text = formula(rng, rng.randrange(1, 4), True, largest=4)
        node = parse(text, SIGNALS, 1.0)
        data = trace(rng, 3)
        try:
            low, high = bounds(node, data)
        except ConfigError:
            continue
        for _ in range(5):
            more = trace(rng, 40)
            value = robustness(node, {name: data[name] + more[name] for name in data})[0]
            assert low <= value <= high, text


def test_unbounded_future_has_no_bounds() -> None:
    with pytest.raises(ConfigError, match="unbounded"):
        bounds(parse("always (a > 0)", "a", 1.0), {"a": [1.0]})


@pytest.mark.parametrize("data", [{"a": [1.0], "b": [1.0, 2.0]}, {"a": [], "b": []}, {"a": [[1.0]], "b": [1.0]}])
def test_uneven_traces_are_refused(data: dict[str, list[float]]) -> None:
    with pytest.raises(ConfigError, match="shapes"):
        robustness(parse("a > b", "ab", 1.0), data)


def test_missing_signal_and_undefined_arithmetic() -> None:
    with pytest.raises(ConfigError, match="unknown signal 'b'"):
        robustness(parse("b > 0", "ab", 1.0), {"a": [1.0]})
    with pytest.raises(ArithmeticError):
        robustness(parse("1 / a > 0", "a", 1.0), {"a": np.zeros(3)})


def test_traces_side_by_side_are_judged_as_one_by_one() -> None:
    for seed in range(60):
        rng = random.Random(seed)
        node = parse(formula(rng, rng.randrange(4), False), SIGNALS, 1.0)
        traces = [trace(rng, 12) for _ in range(3)]
        together = {name: np.array([each[name] for each in traces]).T for name in traces[0]}
        found = robustness(node, together)
        for k, each in enumerate(traces):
            np.testing.assert_array_equal(found[:, k], robustness(node, each))
