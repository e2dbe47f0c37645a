"""Numeric operators of formulas, for floats."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

OPERATIONS: dict[str, Callable[..., float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "abs": abs,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "pow": math.pow,
    "min": min,
    "max": max,
}
"""Functions of one or two floats; they raise ArithmeticError or ValueError outside their domain."""


def evaluate(name: str, arguments: Sequence[float]) -> float:
    """Apply one operator.

    Raises:
        ArithmeticError: overflow or division by zero.
        ValueError: outside the operator's domain.
    """
    return float(OPERATIONS[name](*arguments))
