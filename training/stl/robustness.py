"""Robustness of formulas on batches of traces, hard or smooth, with gradients.

The syntax tree is the robot's (``policy_nodes.safety.stl``), so that one text is trained for, monitored on the robot
and checked on recordings. Hard robustness equals ``policy_nodes.safety.stl.offline.robustness`` row by row: windows are
inclusive and clipped to the trace. Smooth robustness follows arXiv 2309.05131 (see ``smooth``).

All tensors are (B, T): batch, samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from policy_nodes.errors import ConfigError
from policy_nodes.safety.stl.formula import Comparison, Formula, Logic, Number, Numeric, Signal, Temporal
from training.stl.smooth import maximum, pair_maximum, pair_minimum, running_maximum

Trace = Mapping[str, Tensor]
_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": torch.div,
    "abs": torch.abs,
    "sqrt": torch.sqrt,
    "exp": torch.exp,
    "pow": torch.pow,
    "min": torch.minimum,
    "max": torch.maximum,
}


def robustness(formula: Formula, trace: Trace, tau: float | None = None) -> Tensor:
    """Robustness at every sample.

    Args:
        formula: parsed by ``policy_nodes.safety.stl.parser.parse``.
        trace: (B, T) by signal, all of one shape and dtype.
        tau: temperature of smooth maxima, 100 to 500 in the paper; None for the exact value.

    Returns:
        (B, T); ``[:, 0]`` is the verdict on the whole trace.

    Raises:
        ConfigError: a signal is missing, or shapes differ.
    """
    shapes = {tuple(values.shape) for values in trace.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ConfigError(f"the signals of a trace have shapes {sorted(shapes)}.", "give (batch, samples) tensors.")
    return _formula(formula, trace, tau)


def _number(node: Numeric, trace: Trace) -> Tensor:
    example = next(iter(trace.values()))
    if isinstance(node, Number):
        return torch.full_like(example, node.value)
    if isinstance(node, Signal):
        if node.name not in trace:
            raise ConfigError(f"unknown signal '{node.name}'.", f"use one of {', '.join(trace)}.")
        return trace[node.name]
    return _FUNCTIONS[node.operator](*(_number(argument, trace) for argument in node.arguments))


def _formula(node: Formula, trace: Trace, tau: float | None) -> Tensor:
    if isinstance(node, Comparison):
        left, right = _number(node.left, trace), _number(node.right, trace)
        if node.operator in ("==", "!=="):
            distance = (left - right).abs()
            return -distance if node.operator == "==" else distance
        return left - right if node.operator in (">", ">=") else right - left
    parts = [_formula(argument, trace, tau) for argument in node.arguments]
    return _logic(node.operator, parts, tau) if isinstance(node, Logic) else _temporal(node, parts, tau)


def _logic(operator: str, parts: list[Tensor], tau: float | None) -> Tensor:
    if operator == "not":
        return -parts[0]
    left, right = parts
    if operator == "and":
        return pair_minimum(left, right, tau)
    if operator == "or":
        return pair_maximum(left, right, tau)
    if operator == "implies":
        return pair_maximum(-left, right, tau)
    distance = (left - right).abs()
    return -distance if operator == "iff" else distance


def _temporal(node: Temporal, parts: list[Tensor], tau: float | None) -> Tensor:
    name, first = node.operator, parts[0]
    if name in ("prev", "s_prev", "next", "s_next"):
        return _shifted(first, 1 if "prev" in name else -1, -torch.inf if name.startswith("s_") else torch.inf)
    if name == "rise":
        return pair_minimum(-_shifted(first, 1, -torch.inf), first, tau)
    if name == "fall":
        return pair_minimum(_shifted(first, 1, torch.inf), -first, tau)
    if name in ("always", "eventually"):
        return _window(first, node.window, name == "always", tau)
    if name in ("historically", "once"):
        return _window(first.flip(-1), node.window, name == "historically", tau).flip(-1)
    if name == "since":
        return _until(first.flip(-1), parts[1].flip(-1), node.window, tau).flip(-1)
    return _until(first, parts[1], node.window, tau)


def _shifted(x: Tensor, steps: int, filling: float) -> Tensor:
    """The sample ``steps`` earlier (later where negative), or ``filling`` outside the trace."""
    edge = torch.full_like(x[:, :1], filling)
    return torch.cat([edge, x[:, :-1]], 1) if steps > 0 else torch.cat([x[:, 1:], edge], 1)


def _window(x: Tensor, window: tuple[int, int] | None, smallest: bool, tau: float | None) -> Tensor:
    """Largest (smallest) sample in the window after every sample; -inf (+inf) where it sees nothing."""
    if smallest:
        return -_window(-x, window, False, tau)
    if window is None:
        return running_maximum(x, tau)
    length = x.shape[1]
    begin, end = window[0], min(window[1], length - 1)
    if begin >= length:
        return torch.full_like(x, -torch.inf)
    beyond = torch.full_like(x[:, :1], -torch.inf).expand(-1, end)
    padded = torch.cat([x[:, begin:], beyond], 1)
    seen = padded.unfold(1, end - begin + 1, 1)[:, :length]
    return maximum(seen, -1, tau)


def _until(left: Tensor, right: Tensor, window: tuple[int, int] | None, tau: float | None) -> Tensor:
    """``left`` holds up to a sample in the window at which ``right`` holds."""
    length = left.shape[1]
    if window is None:
        best, found = torch.full_like(left[:, 0], -torch.inf), []
        for k in range(length - 1, -1, -1):
            before = pair_minimum(left[:, k], best, tau) if k + 1 < length else best
            best = pair_maximum(before, right[:, k], tau) if k + 1 < length else right[:, k]
            found.append(best)
        return torch.stack(found[::-1], 1)
    candidates, held = [], None
    for step in range(min(window[1], length - 1) + 1):
        now = right[:, step:]
        if step >= window[0]:
            reached = now if held is None else pair_minimum(now, held[:, : length - step], tau)
            edge = torch.full_like(right[:, :step], -torch.inf)
            candidates.append(torch.cat([reached, edge], 1))
        kept = left[:, step:]
        held = kept if held is None else pair_minimum(held[:, : length - step], kept, tau)
    if not candidates:
        return torch.full_like(left, -torch.inf)
    return maximum(torch.stack(candidates), 0, tau)
