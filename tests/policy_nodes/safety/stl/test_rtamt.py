"""rtamt as oracle: equal results, to the last bit, on random formulas and traces."""

import logging
import random
from typing import Any

import pytest

from policy_nodes.safety.stl import Monitor, parse, robustness
from tests.policy_nodes.safety.stl.random_formulas import SIGNALS, formula, trace

rtamt = pytest.importorskip("rtamt")


def specification(text: str) -> Any:
    logging.getLogger().setLevel(logging.ERROR)
    spec = rtamt.StlDiscreteTimeSpecification()
    for name in SIGNALS:
        spec.declare_var(name, "float")
    spec.spec = "out = " + text
    spec.parse()
    return spec


def oracle(text: str, data: dict[str, list[float]]) -> list[float]:
    columns = {name: list(values) for name, values in data.items()}
    rows = specification(text).evaluate({"time": list(range(len(data["a"]))), **columns})
    return [value for _, value in rows]


@pytest.mark.parametrize("block", range(4))
def test_off_line_robustness_of_past_and_future(block: int) -> None:
    for seed in range(40 * block, 40 * block + 40):
        rng = random.Random(seed)
        text, data = formula(rng, rng.randrange(1, 4), True), trace(rng, rng.randrange(2, 30))
        assert robustness(parse(text, SIGNALS, 1.0), data).tolist() == oracle(text, data), text


@pytest.mark.parametrize("block", range(4))
def test_on_line_robustness_of_the_past(block: int) -> None:
    for seed in range(40 * block, 40 * block + 40):
        rng = random.Random(1000 + seed)
        text, data = formula(rng, rng.randrange(1, 4), False), trace(rng, rng.randrange(2, 40))
        monitor = Monitor(parse(text, SIGNALS, 1.0), SIGNALS)
        online = [monitor.update(list(sample)) for sample in zip(data["a"], data["b"], strict=True)]
        assert online == oracle(text, data), text


def test_on_line_against_on_line_at_window_200() -> None:
    text = "historically[0:200](a > -0.9) and (once[50:200](abs(b) < 0.1))"
    rng = random.Random(5)
    spec, monitor = specification(text), Monitor(parse(text, SIGNALS, 1.0), SIGNALS)
    for t in range(600):
        a, b = rng.uniform(-1, 1), rng.uniform(-1, 1)
        assert monitor.update([a, b]) == spec.update(t, [("a", a), ("b", b)])


@pytest.mark.parametrize("text", ["a > 0 iff b > 0", "a > 0 xor b > 0", "a == b", "a !== b", "pow(a, 2) > exp(b)"])
def test_state_formulas(text: str) -> None:
    data = trace(random.Random(3), 20)
    assert robustness(parse(text, SIGNALS, 1.0), data).tolist() == oracle(text, data)


def test_windows_in_units_cover_the_same_samples() -> None:
    data = trace(random.Random(4), 60)
    text = "once[20ms:0.1s](a > 0) and historically[0:50ms](b > -0.95)"
    spec = rtamt.StlDiscreteTimeSpecification()
    for name in SIGNALS:
        spec.declare_var(name, "float")
    spec.spec = "out = " + text
    spec.set_sampling_period(10, "ms", 0.1)
    spec.parse()
    rows = spec.evaluate({"time": [10 * k for k in range(60)], **{name: list(data[name]) for name in data}})
    node = parse(text, SIGNALS, 0.01)
    assert robustness(node, data).tolist() == [value for _, value in rows]


def test_what_is_refused_here_is_read_by_rtamt_against_convention() -> None:
    """The reason for demanding parentheses: 1 - 2 + 1 is 0 on paper and -2 in rtamt."""
    data = {"a": [1.0, 1.0], "b": [2.0, 2.0]}
    assert oracle("a - b + 1 > 0", data) == oracle("a - (b + 1) > 0", data) == [-2.0, -2.0]
    assert robustness(parse("(a - b) + 1 > 0", SIGNALS, 1.0), data).tolist() == [0.0, 0.0]
