"""Robustness of formulas, past or future, on a finite trace that is known as a whole: a predicted chunk, a recording.

:func:`robustness` follows rtamt: windows see only what lies inside the trace. :func:`bounds` is the robust satisfaction
interval of Deshmukh et al. (arXiv 1506.08234): what the robustness can still become, whatever follows the trace. A
formula is violated for certain only when the upper end is negative.

Arrays have shape (2, T, ...): lower end and upper end of the interval at every sample; equal for a known trace. Further
axes are traces judged side by side, as a planner needs it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from policy_nodes.errors import ConfigError
from policy_nodes.safety.stl.formula import Comparison, Formula, Logic, Number, Numeric, Signal, Temporal, horizon

Array = NDArray[np.float64]
Trace = Mapping[str, ArrayLike]

_FUNCTIONS = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "pow": np.power,
    "min": np.minimum,
    "max": np.maximum,
}


def robustness(formula: Formula, trace: Trace) -> Array:
    """Robustness at every sample of a trace, windows clipped to it, as rtamt's off-line evaluation.

    Args:
        formula: any formula.
        trace: finite samples (T,) by signal, all of one length T >= 1; or (T, N) for N traces at once.

    Returns:
        (T,) robustness, or (T, N).

    Raises:
        ConfigError: a signal is missing, or lengths differ.
        ArithmeticError: the formula's arithmetic is undefined for a sample.
    """
    found: Array = _formula(formula, _checked(formula, trace), 0)[0]
    return found


def bounds(formula: Formula, trace: Trace) -> tuple[float, float]:
    """Smallest and largest robustness at the first sample over all continuations of the trace.

    Args:
        formula: future operators bounded; past operators see nothing before the trace.
        trace: finite samples (T,) by signal, all of one length T >= 1.

    Raises:
        ConfigError: a signal is missing, lengths differ, or a future operator is unbounded.
        ArithmeticError: the formula's arithmetic is undefined for a sample.
    """
    ahead = horizon(formula)
    if ahead is None:
        raise ConfigError("a formula with an unbounded future has no verdict on a finite trace.", "bound its windows.")
    low, high = _first(formula, _checked(formula, trace), ahead)
    return float(low), float(high)


def _checked(formula: Formula, trace: Trace) -> dict[str, Array]:
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in trace.items()}
    shapes = {values.shape for values in arrays.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) < 1 or next(iter(shapes))[0] == 0:
        raise ConfigError(f"the signals of a trace have shapes {shapes}.", "give equally long, non-empty vectors.")
    return arrays


def _number(node: Numeric, trace: dict[str, Array]) -> Array | float:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Signal):
        if node.name not in trace:
            raise ConfigError(f"unknown signal '{node.name}'.", f"use one of {', '.join(trace)}.")
        return trace[node.name]
    parts = [_number(argument, trace) for argument in node.arguments]
    with np.errstate(all="raise", under="ignore"):
        result: Array = _FUNCTIONS[node.operator](*parts)
    return result


def _comparison(node: Comparison, trace: dict[str, Array], ahead: int) -> Array:
    left, right = _number(node.left, trace), _number(node.right, trace)
    with np.errstate(all="raise", under="ignore"):
        if node.operator in ("==", "!=="):
            known = np.abs(np.subtract(left, right)) * (-1.0 if node.operator == "==" else 1.0)
        else:
            known = np.subtract(left, right) if node.operator in (">", ">=") else np.subtract(right, left)
    length, *traces = next(iter(trace.values())).shape
    out = np.empty((2, length + ahead, *traces))
    out[:, :length] = known
    out[0, length:], out[1, length:] = -np.inf, np.inf
    return out


def _formula(node: Formula, trace: dict[str, Array], ahead: int) -> Array:
    """(2, T + ahead) interval of the robustness; beyond the trace predicates are unknown."""
    if isinstance(node, Comparison):
        return _comparison(node, trace, ahead)
    parts = [_formula(argument, trace, ahead) for argument in node.arguments]
    if isinstance(node, Logic):
        return _logic(node.operator, parts)
    return _temporal(node, parts)


def _first(node: Formula, trace: dict[str, Array], ahead: int) -> Array:
    """(2,) interval of the robustness at the first sample: outermost windows need not slide."""
    if isinstance(node, Logic):
        return _logic(node.operator, [_first(argument, trace, ahead) for argument in node.arguments])
    if isinstance(node, Temporal) and node.operator in ("always", "eventually") and node.window is not None:
        begin, end = node.window
        inside = _formula(node.arguments[0], trace, ahead)[:, begin : end + 1]
        if inside.shape[1]:
            found: Array = inside.min(axis=1) if node.operator == "always" else inside.max(axis=1)
            return found
    return _formula(node, trace, ahead)[:, 0]


def _negated(x: Array) -> Array:
    return -x[::-1]


def _distance(left: Array, right: Array) -> Array:
    """Interval of ``|left - right|``."""
    with np.errstate(invalid="ignore"):
        gap = np.maximum(left[0] - right[1], right[0] - left[1])
        return np.stack([np.maximum(gap, 0.0), np.maximum(np.abs(left[1] - right[0]), np.abs(right[1] - left[0]))])


def _logic(operator: str, parts: list[Array]) -> Array:
    if operator == "not":
        return _negated(parts[0])
    left, right = parts
    if operator == "and":
        return np.minimum(left, right)
    if operator == "or":
        return np.maximum(left, right)
    if operator == "implies":
        return np.maximum(_negated(left), right)
    distance = _distance(left, right)
    return _negated(distance) if operator == "iff" else distance


def _temporal(node: Temporal, parts: list[Array]) -> Array:
    name, first = node.operator, parts[0]
    if name in ("prev", "s_prev", "next", "s_next"):
        return _shifted(first, 1 if "prev" in name else -1, -np.inf if name.startswith("s_") else np.inf)
    if name == "rise":
        return np.minimum(_negated(_shifted(first, 1, -np.inf)), first)
    if name == "fall":
        return np.minimum(_shifted(first, 1, np.inf), _negated(first))
    if name in ("always", "historically"):
        return -_largest(-first, node.window, name == "always")
    if name in ("eventually", "once"):
        return _largest(first, node.window, name == "eventually")
    if name == "since":
        return _until(first[:, ::-1], parts[1][:, ::-1], node.window)[:, ::-1]
    return _until(first, parts[1], node.window)


def _shifted(x: Array, steps: int, filling: float) -> Array:
    """The sample ``steps`` earlier (later where negative), or ``filling`` outside the trace."""
    out = np.full_like(x, filling)
    length = x.shape[1]
    if abs(steps) < length:
        out[:, max(steps, 0) : length + min(steps, 0)] = x[:, max(-steps, 0) : length - max(steps, 0)]
    return out


def _largest(x: Array, window: tuple[int, int] | None, ahead: bool) -> Array:
    """Largest sample in the window after (``ahead``) or before every sample; -inf where the window sees nothing."""
    if not ahead:
        return _largest(x[:, ::-1], window, True)[:, ::-1]
    if window is None:
        return np.maximum.accumulate(x[:, ::-1], axis=1)[:, ::-1]
    length = x.shape[1]
    begin, end = window[0], min(window[1], length)
    if begin >= length:
        return np.full_like(x, -np.inf)
    padded = np.concatenate([x[:, begin:], np.full((2, end, *x.shape[2:]), -np.inf)], axis=1)
    return np.lib.stride_tricks.sliding_window_view(padded, end - begin + 1, axis=1).max(axis=-1)[:, :length]


def _until(left: Array, right: Array, window: tuple[int, int] | None) -> Array:
    length = left.shape[1]
    out = np.full_like(left, -np.inf)
    if window is None:
        best = np.full_like(left[:, 0], -np.inf)
        for k in range(length - 1, -1, -1):
            best = np.maximum(np.minimum(left[:, k], best), right[:, k])
            out[:, k] = best
        return out
    held = np.full_like(left, np.inf)
    for step in range(min(window[1], length - 1) + 1):
        if step >= window[0]:
            candidate = np.minimum(right[:, step:], held[:, : length - step])
            out[:, : length - step] = np.maximum(out[:, : length - step], candidate)
        held[:, : length - step] = np.minimum(held[:, : length - step], left[:, step:])
    return out
