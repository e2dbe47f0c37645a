"""On-line robustness of past-time formulas: one number per sample, amortised O(1) per operator.

Robustness as in Donze and Maler (FORMATS 2010), with rtamt's conventions for the samples before the first: a window
that begins before the trace sees only what there is. With ``wait_for_history`` a bounded window that is not yet full
instead assumes the best about the unknown past, so that ``once[0:1s](x)`` is not violated in the first second and
``historically[0:1s](x)`` still is as soon as it can be (the upper end of the robust satisfaction interval of Deshmukh
et al., arXiv 1506.08234, applied to the past).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from policy_nodes.errors import ConfigError
from policy_nodes.safety.stl.arithmetic import OPERATIONS
from policy_nodes.safety.stl.formula import (
    Comparison,
    Formula,
    Logic,
    Number,
    Numeric,
    Signal,
    Temporal,
    looks_ahead,
)
from policy_nodes.safety.stl.windows import Memory, SinceWindow, SlidingMax, State

Sample = Sequence[float]
Step = Callable[[Sample], float]
INF = math.inf


class Stateful(Protocol):
    """What remembers samples and can be reset, saved and loaded."""

    def reset(self) -> None:
        """Forget every sample."""

    def save(self) -> State:
        """A copy of the state."""

    def load(self, state: State) -> None:
        """Go back to a saved state."""


class Monitor:
    """Evaluates one past-time formula sample by sample.

    Args:
        formula: past operators only.
        signals: names in the order of the samples.
        wait_for_history: assume the best about samples before the first, in bounded windows.

    Raises:
        ConfigError: the formula speaks about the future or about a signal that is not in ``signals``.
    """

    def __init__(self, formula: Formula, signals: Sequence[str], wait_for_history: bool = False) -> None:
        if looks_ahead(formula):
            raise ConfigError(
                "a formula about the future cannot be monitored on-line.", "use historically, once and since."
            )
        self._index = {name: place for place, name in enumerate(signals)}
        self._optimism = wait_for_history
        self._memories: list[Stateful] = []
        self._step = self._formula(formula, True)

    def update(self, sample: Sample) -> float:
        """Robustness after the next sample: one finite Python float per signal (lists are faster than arrays).

        Raises:
            ArithmeticError, ValueError: the formula's arithmetic is undefined for this sample (division by zero, root
                of a negative number, overflow). The monitor must then be reset.
        """
        return self._step(sample)

    def reset(self) -> None:
        """Forget the past."""
        for memory in self._memories:
            memory.reset()

    def peek(self, samples: Iterable[Sample]) -> float:
        """Smallest robustness if these samples followed; the monitor's own state stays. Infinity for no samples."""
        saved = [memory.save() for memory in self._memories]
        try:
            return min((self._step(sample) for sample in samples), default=INF)
        finally:
            for memory, state in zip(self._memories, saved, strict=True):
                memory.load(state)

    # Compilation to closures: a tree walk per sample would cost more than the arithmetic. ------------------------

    def _keep(self, memory: Stateful) -> None:
        self._memories.append(memory)

    def _number(self, node: Numeric) -> Step:
        if isinstance(node, Number):
            value = node.value
            return lambda sample: value
        if isinstance(node, Signal):
            if node.name not in self._index:
                raise ConfigError(f"unknown signal '{node.name}'.", f"use one of {', '.join(self._index)}.")
            place = self._index[node.name]
            return lambda sample: sample[place]
        operation = OPERATIONS[node.operator]
        parts = [self._number(argument) for argument in node.arguments]
        if len(parts) == 1:
            only = parts[0]
            return lambda sample: operation(only(sample))
        left, right = parts
        if node.operator == "-":
            return lambda sample: left(sample) - right(sample)
        if node.operator == "+":
            return lambda sample: left(sample) + right(sample)
        return lambda sample: operation(left(sample), right(sample))

    def _comparison(self, node: Comparison) -> Step:
        left, right = self._number(node.left), self._number(node.right)
        if node.operator in ("==", "!=="):
            sign = -1.0 if node.operator == "==" else 1.0
            return lambda sample: sign * _defined(abs(left(sample) - right(sample)))
        if node.operator in ("<", "<="):
            left, right = right, left
        return lambda sample: _defined(left(sample) - right(sample))

    def _formula(self, node: Formula, positive: bool) -> Step:
        """Compile; ``positive`` is False below an odd number of negations, where assuming the best is assuming -inf."""
        if isinstance(node, Comparison):
            return self._comparison(node)
        if isinstance(node, Logic):
            return self._logic(node, positive)
        if node.operator in ("historically", "once"):
            return self._extremum(node, positive)
        if node.operator == "since":
            return self._since(node, positive)
        return self._neighbour(node, positive)

    def _logic(self, node: Logic, positive: bool) -> Step:
        if node.operator == "not":
            inner = self._formula(node.arguments[0], not positive)
            return lambda sample: -inner(sample)
        flips = node.operator == "implies"
        left = self._formula(node.arguments[0], positive != flips)
        right = self._formula(node.arguments[1], positive)
        if node.operator == "and":
            return lambda sample: min(left(sample), right(sample))
        if node.operator == "or":
            return lambda sample: max(left(sample), right(sample))
        if node.operator == "implies":
            return lambda sample: max(-left(sample), right(sample))
        sign = -1.0 if node.operator == "iff" else 1.0
        return lambda sample: sign * _defined(abs(left(sample) - right(sample)))

    def _unknown(self, neutral: float, positive: bool) -> float:
        """What a bounded operator takes samples before the first for."""
        return (INF if positive else -INF) if self._optimism else neutral

    def _extremum(self, node: Temporal, positive: bool) -> Step:
        inner = self._formula(node.arguments[0], positive)
        sign = 1.0 if node.operator == "once" else -1.0
        if node.window is None:
            return _running(inner, sign, self._memories)
        window = SlidingMax(*node.window, unknown=sign * self._unknown(-INF * sign, positive))
        self._keep(window)
        push = window.push
        if sign > 0:
            return lambda sample: push(inner(sample))
        return lambda sample: -push(-inner(sample))

    def _since(self, node: Temporal, positive: bool) -> Step:
        left, right = (self._formula(argument, positive) for argument in node.arguments)
        if node.window is not None:
            window = SinceWindow(*node.window, unknown=self._unknown(-INF, positive))
            self._keep(window)
            push = window.push
            return lambda sample: push(left(sample), right(sample))
        memory = Memory(-INF)
        self._keep(memory)

        def step(sample: Sample) -> float:
            memory.value = value = max(min(left(sample), memory.value), right(sample))
            return value

        return step

    def _neighbour(self, node: Temporal, positive: bool) -> Step:
        """``prev s_prev rise fall``: the sample before the first is +inf, -inf, -inf, +inf, as in rtamt."""
        inner = self._formula(node.arguments[0], positive)
        neutral = INF if node.operator in ("prev", "fall") else -INF
        if node.operator == "rise":
            # The previous sample counts negated, so assuming the best means -inf.
            memory = Memory(-self._unknown(INF, positive))
        else:
            memory = Memory(self._unknown(neutral, positive))
        self._keep(memory)
        combine: dict[str, Callable[[float, float], float]] = {
            "rise": lambda before, now: min(-before, now),
            "fall": lambda before, now: min(before, -now),
        }
        function = combine.get(node.operator, lambda before, now: before)

        def step(sample: Sample) -> float:
            now = inner(sample)
            value = function(memory.value, now)
            memory.value = now
            return value

        return step


def _running(inner: Step, sign: float, memories: list[Stateful]) -> Step:
    memory = Memory(-INF * sign)
    memories.append(memory)
    pick: Callable[[float, float], float] = max if sign > 0 else min

    def step(sample: Sample) -> float:
        memory.value = value = pick(inner(sample), memory.value)
        return value

    return step


def _defined(value: float) -> float:
    if value != value:
        raise ArithmeticError("the difference of two infinities")
    return value
