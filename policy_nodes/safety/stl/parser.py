"""Parser of rtamt's STL syntax, with its precedences: ``parse("historically[0:200ms](elbow.error < 0.1)", ...)``.

Numbers and formulas are told apart, so that ``a < b < c`` or ``(a > b) > 0``, which rtamt accepts, are refused. Where
rtamt reads arithmetic against convention (``a - b + c`` as ``a - (b + c)``, ``a / b * c`` as ``a / (b * c)``)
parentheses are demanded, so that a formula means the same here, there and on paper.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from fractions import Fraction

from policy_nodes.errors import ConfigError
from policy_nodes.safety.stl.arithmetic import evaluate
from policy_nodes.safety.stl.formula import (
    Arithmetic,
    Comparison,
    Formula,
    Logic,
    Node,
    Number,
    Numeric,
    Signal,
    Temporal,
    Window,
)
from policy_nodes.safety.stl.lexer import FUNCTIONS, Token, error, tokens

UNITS = {"s": Fraction(1), "ms": Fraction(1, 1000), "us": Fraction(1, 10**6), "ns": Fraction(1, 10**9)}
MAX_TEXT, MAX_DEPTH, MAX_WINDOW = 4096, 64, 100_000

COMPARISONS = ("<", "<=", ">", ">=", "==", "!==")
BINARY = {"xor": 5, "iff": 6, "implies": 7, "or": 8, "and": 9, "since": 10, "unless": 11, "until": 12}
BINARY |= {"-": 23, "+": 24, "/": 25, "*": 26} | dict.fromkeys(COMPARISONS, 22)
PREFIX = {"not": 21, "always": 20, "eventually": 19, "historically": 18, "once": 17}
PREFIX |= {"prev": 16, "next": 15, "s_prev": 14, "s_next": 13}
WINDOWED = frozenset({"always", "eventually", "historically", "once", "since", "until", "unless"})
TIGHTER_IN_RTAMT = {"-": "+", "/": "*"}


def parse(text: str, signals: Collection[str], period_s: float, unit: str = "s") -> Formula:
    """Read a formula.

    Args:
        text: the formula.
        signals: names that may occur.
        period_s: time between samples, s.
        unit: of bounds that name none: ``s``, ``ms``, ``us``, ``ns`` or ``samples``. rtamt's default is ``s``.

    Returns:
        Syntax tree with windows in samples.

    Raises:
        ConfigError: the text is not a formula, names an unknown signal, or a bound is negative, reversed, too large or
            not a multiple of the period.
    """
    if len(text) > MAX_TEXT:
        raise ConfigError(f"a formula has {len(text)} characters.", f"use at most {MAX_TEXT}.")
    if unit != "samples" and unit not in UNITS:
        raise ConfigError(f"unknown unit '{unit}'.", f"use one of {', '.join([*UNITS, 'samples'])}.")
    return _Parser(text, signals, Fraction(period_s).limit_denominator(10**9), unit).formula()


class _Parser:
    def __init__(self, text: str, signals: Collection[str], period: Fraction, unit: str) -> None:
        self._text, self._signals, self._period, self._unit = text, signals, period, unit
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0
        self._joined: list[str] = []
        """Operators that the expression finished last joined outside of parentheses."""

    def formula(self) -> Formula:
        """The whole text."""
        start = self._next
        found = self._as_formula(self._expression(0), start)
        if self._next.kind != "end":
            raise self._wrong(self._next, f"'{self._next.text}' follows a complete formula", "join with 'and'.")
        return found

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _expect(self, symbol: str) -> Token:
        token = self._take()
        if token.text != symbol or token.kind != "symbol":
            raise self._wrong(token, f"expected '{symbol}', found '{token.text or 'the end'}'", "correct the formula.")
        return token

    def _wrong(self, token: Token, cause: str, fix: str) -> Exception:
        return error(self._text, token.place, cause, fix)

    def _as_formula(self, node: Node, start: Token) -> Formula:
        if isinstance(node, (Number, Signal, Arithmetic)):
            raise self._wrong(start, "a number stands where a formula is needed", "compare it, as in 'x > 0'.")
        return node

    def _as_number(self, node: Node, start: Token) -> Numeric:
        if isinstance(node, (Comparison, Logic, Temporal)):
            raise self._wrong(start, "a formula stands where a number is needed", "compare numbers only.")
        return node

    def _expression(self, lowest: int) -> Node:
        self._depth += 1
        start = self._next
        if self._depth > MAX_DEPTH:
            raise self._wrong(start, "nested too deeply", f"use at most {MAX_DEPTH} levels.")
        left = self._primary()
        joined: list[str] = []
        while BINARY.get(self._next.text, -1) >= lowest and self._next.kind in ("symbol", "operator"):
            operator = self._take()
            window = self._window() if operator.text in WINDOWED else None
            second = self._next
            right = self._expression(BINARY[operator.text] + 1)
            self._check_order(operator)
            left = self._binary(operator.text, left, start, right, second, window)
            joined.append(operator.text)
        self._depth -= 1
        self._joined = joined
        return left

    def _check_order(self, operator: Token) -> None:
        captured = TIGHTER_IN_RTAMT.get(operator.text)
        if captured in self._joined:
            cause = f"'{captured}' after '{operator.text}' is read differently by rtamt and on paper"
            raise self._wrong(operator, cause, "add parentheses.")

    def _binary(
        self, operator: str, left: Node, start: Token, right: Node, second: Token, window: Window | None
    ) -> Node:
        if operator in COMPARISONS:
            return Comparison(operator, self._as_number(left, start), self._as_number(right, second))
        if operator in "+-*/":
            return self._arithmetic(operator, (self._as_number(left, start), self._as_number(right, second)), start)
        both = (self._as_formula(left, start), self._as_formula(right, second))
        if operator == "unless":
            held = Temporal("always", both[:1], None if window is None else (0, window[1]))
            return Logic("or", (held, Temporal("until", both, window)))
        if operator in ("until", "since"):
            return Temporal(operator, both, window)
        return Logic(operator, both)

    def _primary(self) -> Node:
        token = self._take()
        if token.kind == "number":
            return self._number(token)
        if token.kind == "operator" and token.text in PREFIX:
            window = self._window() if token.text in WINDOWED else None
            start = self._next
            inner = self._as_formula(self._expression(PREFIX[token.text]), start)
            return Logic("not", (inner,)) if token.text == "not" else Temporal(token.text, (inner,), window)
        if token.kind == "operator" and token.text in ("rise", "fall"):
            self._expect("(")
            start = self._next
            inner = self._as_formula(self._expression(0), start)
            self._expect(")")
            return Temporal(token.text, (inner,))
        if token.kind == "name":
            return self._call(token) if token.text in FUNCTIONS else self._signal(token)
        if token.text == "(":
            node = self._expression(0)
            self._expect(")")
            return node
        if token.text == "-":
            start = self._next
            return self._arithmetic("-", (Number(0.0), self._as_number(self._primary(), start)), token)
        raise self._wrong(token, f"'{token.text or 'the end'}' cannot stand here", "complete the formula.")

    def _number(self, token: Token) -> Number:
        value = float(token.text)
        if not math.isfinite(value):
            raise self._wrong(token, f"{token.text} is not finite", "use a finite number.")
        return Number(value)

    def _signal(self, token: Token) -> Signal:
        if token.text not in self._signals:
            known = ", ".join(sorted(self._signals))
            raise self._wrong(token, f"unknown signal '{token.text}'", f"use one of: {known}.")
        return Signal(token.text)

    def _call(self, token: Token) -> Numeric:
        self._expect("(")
        arguments: list[Numeric] = []
        for place in range(FUNCTIONS[token.text]):
            if place:
                self._expect(",")
            start = self._next
            arguments.append(self._as_number(self._expression(0), start))
        self._expect(")")
        return self._arithmetic(token.text, tuple(arguments), token)

    def _arithmetic(self, operator: str, arguments: tuple[Numeric, ...], start: Token) -> Numeric:
        node = Arithmetic(operator, arguments)
        if not all(isinstance(argument, Number) for argument in arguments):
            return node
        try:
            value = evaluate(operator, [argument.value for argument in arguments if isinstance(argument, Number)])
        except (ArithmeticError, ValueError) as failure:
            raise self._wrong(start, f"a constant cannot be evaluated ({failure})", "correct the numbers.") from None
        if not math.isfinite(value):
            raise self._wrong(start, "a constant is not finite", "correct the numbers.")
        return Number(value)

    def _window(self) -> Window | None:
        if self._next.text != "[":
            return None
        start = self._take()
        begin, begin_unit = self._bound()
        if self._take().text not in (",", ":"):
            raise self._wrong(start, "a window needs two bounds", "write [0:200ms].")
        end, end_unit = self._bound()
        self._expect("]")
        if begin_unit and not end_unit:
            raise self._wrong(start, "only the first bound has a unit", "give the second one a unit as well.")
        end_unit = end_unit or self._unit
        window = self._samples(begin, begin_unit or end_unit, start), self._samples(end, end_unit, start)
        if window[0] > window[1]:
            raise self._wrong(start, "the window ends before it begins", "swap the bounds.")
        if window[1] > MAX_WINDOW:
            raise self._wrong(start, f"the window spans {window[1]} samples", f"use at most {MAX_WINDOW}.")
        return window

    def _bound(self) -> tuple[Fraction, str]:
        token = self._take()
        if token.kind != "number":
            raise self._wrong(token, "a bound is a number that is not negative", "write [0:200ms].")
        unit = self._take().text if self._next.kind == "name" else ""
        if unit and unit not in UNITS and unit != "samples":
            raise self._wrong(token, f"unknown unit '{unit}'", f"use one of {', '.join([*UNITS, 'samples'])}.")
        return Fraction(token.text), unit

    def _samples(self, value: Fraction, unit: str, start: Token) -> int:
        count = value if unit == "samples" else value * UNITS[unit] / self._period
        if count.denominator != 1:
            period = f"{float(self._period):g} s"
            raise self._wrong(start, f"a bound is not a multiple of the period {period}", "round it.")
        return int(count)
