import pytest

from policy_nodes.errors import ConfigError
from policy_nodes.safety.stl.formula import Arithmetic, Comparison, Logic, Number, Signal, Temporal, horizon, signals
from policy_nodes.safety.stl.parser import MAX_WINDOW, parse

NAMES = ("a", "b", "elbow.error")
A, B = Comparison(">", Signal("a"), Number(0.0)), Comparison(">", Signal("b"), Number(0.0))


def read(text: str, period: float = 0.01, unit: str = "s"):
    return parse(text, NAMES, period, unit)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a>0 and b>0 or a>0", "((a>0) and (b>0)) or (a>0)"),
        ("a>0 or b>0 xor a>0", "((a>0) or (b>0)) xor (a>0)"),
        ("not a>0 and b>0", "(not (a>0)) and (b>0)"),
        ("not a>0 until b>0", "(not (a>0)) until (b>0)"),
        ("always[0,1] a>0 and b>0", "(always[0,1] (a>0)) and (b>0)"),
        ("a>0 since[0:3] b>0 and a>0", "((a>0) since[0:3] (b>0)) and (a>0)"),
        ("a>0 -> b>0 -> a>0", "((a>0) -> (b>0)) -> (a>0)"),
        ("a>0 implies b>0 iff a>0", "((a>0) implies (b>0)) iff (a>0)"),
        ("a>0 and historically b>0 or a>0", "((a>0) and (historically (b>0))) or (a>0)"),
        ("a - b*2 > 0", "(a - (b*2)) > 0"),
        ("a - b - 1 > 0", "((a - b) - 1) > 0"),
        ("G[0:1] !(a>0) & O b>0 | H a>0", "((always[0:1] (not (a>0))) and (once (b>0))) or (historically (a>0))"),
        ("a>0 S b>0", "a>0 since b>0"),
        ("a>0 <-> Y b>0", "a>0 iff prev (b>0)"),
        ("a>0 W[0:1] b>0", "(always[0:1] a>0) or (a>0 until[0:1] b>0)"),
        ("once[0.1s:1s](a>0)", "once[100ms:1000000us](a>0)"),
        ("once[1:2s](a>0)", "once[1s:2s](a>0)"),
        ("once[100samples:200samples](a>0)", "once[1s:2s](a>0)"),
    ],
)
def test_precedence_and_spelling_are_those_of_rtamt(text: str, same: str) -> None:
    assert read(text) == read(same)


def test_tree_of_a_formula_with_windows_in_samples() -> None:
    found = read("historically[20ms:0.2s](abs(elbow.error) < 1e-1) implies a>0")
    window = Temporal(
        "historically",
        (Comparison("<", Arithmetic("abs", (Signal("elbow.error"),)), Number(0.1)),),
        (2, 20),
    )
    assert found == Logic("implies", (window, A))
    assert signals(found) == {"a", "elbow.error"}
    assert read("once[0:5](a>0)", unit="samples") == Temporal("once", (A,), (0, 5))


def test_a_third_of_a_second_is_twenty_periods_at_60_hz() -> None:
    assert read("once[0:0.05](a>0)", period=1 / 60) == Temporal("once", (A,), (0, 3))


def test_constants_are_folded() -> None:
    assert read("a > (1 + 2) * -3") == Comparison(">", Signal("a"), Number(-9.0))
    assert read("-a > min(1, 2)") == Comparison(">", Arithmetic("-", (Number(0.0), Signal("a"))), Number(1.0))


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("a>0", 0),
        ("once[0:1](a>0)", 0),
        ("always[0:20ms](a>0)", 2),
        ("always[0:20ms](eventually[10ms:30ms](a>0))", 5),
        ("next (a>0 until[0:40ms] b>0)", 5),
        ("always (a>0)", None),
        ("a>0 and (a>0 until b>0)", None),
    ],
)
def test_horizon(text: str, samples: int | None) -> None:
    assert horizon(read(text)) == samples


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the end"),
        ("a", "a number stands where a formula"),
        ("a and b>0", "a number stands where a formula"),
        ("c > 0", "unknown signal 'c'"),
        ("elbow.error.x > 0", "unknown signal"),
        ("a < b < 1", "a formula stands where a number"),
        ("(a > b) > 0", "a formula stands where a number"),
        ("abs(a>0) > 0", "a formula stands where a number"),
        ("a != 1", "'!=='|cannot stand"),
        ("a = 1", "'=' is not understood"),
        ("a > 0;", "';' is not understood"),
        ("a > 0 b > 0", "follows a complete formula"),
        ("(a > 0", "expected '\\)'"),
        ("a >", "the end"),
        ("min(a) > 0", "expected ','"),
        ("a > 1e999", "not finite"),
        ("a > 1/0", "cannot be evaluated"),
        ("a > sqrt(-1)", "cannot be evaluated"),
        ("a > exp(800)", "cannot be evaluated"),
        ("a > 1e200*1e200", "not finite"),
        ("once[0:1min](a>0)", "unknown unit 'min'"),
        ("once[0:1ps](a>0)", "unknown unit 'ps'"),
        ("once[1s:2](a>0)", "only the first bound has a unit"),
        ("once[2:1](a>0)", "ends before it begins"),
        ("once[-1:1](a>0)", "not negative"),
        ("once[0:15ms](a>0)", "not a multiple of the period"),
        ("once[1](a>0)", "two bounds"),
        ("once(0:1](a>0)", "."),
        (f"once[0:{MAX_WINDOW + 1}samples](a>0)", "spans"),
        ("prev[0:1](a>0)", "cannot stand here"),
        ("rise a>0", "expected '\\('"),
        ("a - b + 1 > 0", "add parentheses|read differently"),
        ("a - 1 + 2 > 0", "read differently"),
        ("a / b * 2 > 0", "read differently"),
        ("(" * 70 + "a>0" + ")" * 70, "nested too deeply"),
        ("a > 2_0", "neither a number nor a name"),
        ("a>0 and " * 600 + "a>0", "characters"),
    ],
)
def test_what_is_not_a_formula_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        read(text)
    assert error.value.fix


def test_unknown_default_unit_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown unit 'h'"):
        read("once[0:1](a>0)", unit="h")


def test_parentheses_settle_what_rtamt_reads_against_convention() -> None:
    assert read("(a - b) + 1 > 0") != read("a - (b + 1) > 0")
    assert read("a + b - 1 > 0") == read("(a + b) - 1 > 0")


def test_both_sides_of_a_window_may_be_equal() -> None:
    assert read("once[10ms:10ms](b>0)") == Temporal("once", (B,), (1, 1))
