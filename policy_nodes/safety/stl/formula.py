"""Syntax trees of signal temporal logic (Maler and Nickovic, FORMATS 2004) over discrete time.

Numbers and formulas are different things here: ``x`` is a number, ``x > 1`` a formula with robustness ``x - 1``.
Windows are counted in samples and inclusive, ``(0, 5)`` covers six samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Window = tuple[int, int]

PAST = frozenset({"historically", "once", "since", "prev", "s_prev", "rise", "fall"})
FUTURE = frozenset({"always", "eventually", "until", "unless", "next", "s_next"})


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Signal:
    """A named signal."""

    name: str


@dataclass(frozen=True)
class Arithmetic:
    """``+ - * /``, or one of the functions ``abs sqrt exp pow min max``, of numbers."""

    operator: str
    arguments: tuple[Numeric, ...]


@dataclass(frozen=True)
class Comparison:
    """``< <= > >= == !==`` between numbers."""

    operator: str
    left: Numeric
    right: Numeric


@dataclass(frozen=True)
class Logic:
    """``not and or implies iff xor`` of formulas."""

    operator: str
    arguments: tuple[Formula, ...]


@dataclass(frozen=True)
class Temporal:
    """One of :data:`PAST` or :data:`FUTURE` of formulas; ``window`` is None where the operator is unbounded."""

    operator: str
    arguments: tuple[Formula, ...]
    window: Window | None = None


Numeric = Number | Signal | Arithmetic
Formula = Comparison | Logic | Temporal
Node = Numeric | Formula


def children(node: Node) -> tuple[Node, ...]:
    """Direct parts of a node."""
    if isinstance(node, (Number, Signal)):
        return ()
    if isinstance(node, Comparison):
        return (node.left, node.right)
    return node.arguments


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def signals(node: Node) -> set[str]:
    """Names of the signals that occur."""
    return {part.name for part in walk(node) if isinstance(part, Signal)}


def operators(node: Node) -> set[str]:
    """Names of the temporal and logic operators that occur."""
    return {part.operator for part in walk(node) if isinstance(part, (Temporal, Logic))}


def looks_ahead(node: Node) -> bool:
    """Whether the formula speaks about the future."""
    return bool(operators(node) & FUTURE)


def looks_back(node: Node) -> bool:
    """Whether the formula speaks about the past."""
    return bool(operators(node) & PAST)


def horizon(node: Node) -> int | None:
    """How many samples after the present one the formula may depend on; None if that is unbounded."""
    deepest = 0
    for child in children(node):
        below = horizon(child)
        if below is None:
            return None
        deepest = max(deepest, below)
    if not isinstance(node, Temporal) or node.operator not in FUTURE:
        return deepest
    if node.operator in ("next", "s_next"):
        return deepest + 1
    return None if node.window is None else deepest + node.window[1]
