"""The specifications of ``safety.yaml`` inside the governor: the executed trace and the predicted chunk.

Signals by name: ``JOINT.position`` and ``JOINT.velocity`` (measured), ``JOINT.command`` (last command), ``JOINT.error``
(command minus measurement), all rad or m, and ``TERM.AXIS`` for every element of the contract's observation terms, raw.
Characters that a formula cannot contain are written as ``_``.

In the prediction the robot is taken to follow the chunk exactly (``error`` is zero) and observation terms keep their
present values. A formula about the future is violated when no continuation of the chunk could still satisfy it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ConfigError
from policy_nodes.safety.limits import Array
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.stl.config import SpecificationConfig
from policy_nodes.safety.stl.formula import Formula, horizon, looks_ahead, looks_back, operators, signals
from policy_nodes.safety.stl.offline import bounds
from policy_nodes.safety.stl.online import Monitor
from policy_nodes.safety.stl.parser import parse
from policy_nodes.safety.watch import Fault

REASONS_BY_REACTION = {
    "warn": Reason.SPECIFICATION_WARNING,
    "hold": Reason.SPECIFICATION_HOLD,
    "stop": Reason.SPECIFICATION_VIOLATED,
}
QUANTITIES = ("position", "velocity", "command", "error")


@dataclass
class Specification:
    """One formula, ready to be judged.

    Attributes:
        config: name, reaction, margin.
        formula: the tree.
        monitor: judges the executed trace, or also a past-time formula on the prediction; None for the future.
        on_trace: judge what was executed.
        on_prediction: judge what the chunk will do.
        robustness: last robustness on the trace.
    """

    config: SpecificationConfig
    formula: Formula
    monitor: Monitor | None
    on_trace: bool
    on_prediction: bool
    robustness: float = float("inf")

    def fault(self, value: float, where: str) -> Fault | None:
        """The fault if ``value`` is below the margin."""
        if value >= self.config.margin:
            return None
        return Fault(self.reason, f"'{self.config.name}' {where}, robustness {value:.4g}")

    @property
    def reason(self) -> Reason:
        """Reason of its faults, by reaction."""
        return REASONS_BY_REACTION[self.config.reaction]


def signal_names(joints: Sequence[str], terms: Sequence[ObservationTerm]) -> list[str]:
    """Names of all signals, in the order of the sample vector."""
    names = [f"{joint}.{quantity}" for quantity in QUANTITIES for joint in joints]
    names += [f"{term.name}.{axis}" for term in terms for axis in term.axes]
    return [re.sub(r"[^A-Za-z0-9_.]", "_", name) for name in names]


def compile_specification(config: SpecificationConfig, names: Sequence[str], period_s: float) -> Specification:
    """Parse one formula and decide where it is judged.

    Raises:
        ConfigError: the formula is not valid, could never be satisfied with positive robustness, or cannot be judged
            where the configuration asks for it.
    """

    def refuse(cause: str, fix: str) -> ConfigError:
        return ConfigError(f"temporal_logic '{config.name}': {cause}.", fix)

    try:
        formula = parse(config.formula, names, period_s, config.unit)
    except ConfigError as error:
        raise refuse(error.cause.rstrip("."), error.fix) from error
    repeated = sorted({name for name in signals(formula) if names.count(name) > 1})
    if repeated:
        raise refuse(f"'{repeated[0]}' names two signals", "rename the observation term or its axis.")
    if operators(formula) & {"iff", "xor"}:
        raise refuse("the robustness of 'iff' and 'xor' tells nothing about a margin", "write two implications.")
    ahead = looks_ahead(formula)
    if ahead and looks_back(formula):
        raise refuse("past and future operators are mixed", "split it into two specifications.")
    if ahead and horizon(formula) is None:
        raise refuse("an operator about the future has no window", "bound it, as in always[0:500ms].")
    if ahead and config.on in ("trace", "both"):
        raise refuse("a formula about the future cannot be judged on the executed trace", "use on: prediction.")
    on_trace = config.on in ("trace", "both") or (config.on == "auto" and not ahead)
    on_prediction = config.on in ("prediction", "both") or ahead
    monitor = None if ahead else Monitor(formula, names, wait_for_history=True)
    return Specification(config, formula, monitor, on_trace, on_prediction)


class SpecificationLayer:
    """Judges all specifications.

    Args:
        configs: the section ``temporal_logic``.
        joints: joint names in command order.
        terms: observation terms of the contract.
        period_s: control period, s: one sample of the trace per tick.

    Raises:
        ConfigError: a specification is refused; see :func:`compile_specification`.
    """

    def __init__(
        self,
        configs: Sequence[SpecificationConfig],
        joints: Sequence[str],
        terms: Sequence[ObservationTerm],
        period_s: float,
    ) -> None:
        names = signal_names(joints, terms)
        self.specifications = [compile_specification(config, names, period_s) for config in configs]
        self.predicts = any(spec.on_prediction for spec in self.specifications)
        """Whether any specification is judged on the prediction."""
        self._period_s = period_s
        self._joints = len(joints)
        self._terms = [term.name for term in terms]
        self._predicted = sorted({name for spec in self.specifications for name in signals(spec.formula)})
        self._columns = [names.index(name) for name in self._predicted]
        self._now: Array | None = None
        self._faults: list[Fault] = []

    def restart(self) -> None:
        """Forget the trace: signals were missing, the clock jumped, or the operator acknowledged a violation."""
        self._now, self._faults = None, []
        for spec in self.specifications:
            spec.robustness = float("inf")
            if spec.monitor is not None:
                spec.monitor.reset()

    def observe(self, position: Array, velocity: Array, command: Array | None, terms: Mapping[str, Array]) -> None:
        """Add one sample to the executed trace.

        Args:
            position: measured (n,); ``velocity``: measured (n,); ``command``: last command (n,), None before the first.
            terms: raw value of every observation term.
        """
        asked = position if command is None else command
        values = [terms[name] for name in self._terms]
        self._now = np.concatenate([position, velocity, asked, asked - position, *values])
        sample = self._now.tolist()
        self._faults = []
        for spec in self.specifications:
            if spec.monitor is None:
                continue
            try:
                spec.robustness = spec.monitor.update(sample)
            except (ArithmeticError, ValueError) as error:
                spec.monitor.reset()
                spec.robustness = float("-inf")
                self._faults.append(Fault(spec.reason, f"'{spec.config.name}' cannot be evaluated: {error}"))
                continue
            found = spec.fault(spec.robustness, "is violated") if spec.on_trace else None
            if found is not None:
                self._faults.append(found)

    def update(
        self,
        broken: bool,
        position: Array | None,
        velocity: Array | None,
        command: Array | None,
        terms: Mapping[str, Array],
    ) -> None:
        """:meth:`observe`, or :meth:`restart` where a signal is missing or ``broken`` says that the trace has a gap."""
        if not self.specifications:
            return
        if broken or position is None or velocity is None or len(terms) < len(self._terms):
            self.restart()
        else:
            self.observe(position, velocity, command, terms)

    def faults(self, start: Array | None = None, ahead: Array | None = None) -> list[Fault]:
        """Violations as of the last sample, and with ``start`` and ``ahead`` those of :meth:`predict`."""
        found = list(self._faults)
        if self.predicts and start is not None and ahead is not None:
            found += self.predict(start, ahead)
        return found

    def predict(self, start: Array, targets: Array) -> list[Fault]:
        """Violations that the rest of the chunk would lead to.

        Args:
            start: (n,) last command.
            targets: (T, n) positions asked for at the coming ticks, one per control period.
        """
        if self._now is None or len(targets) == 0:
            return []
        n, length = self._joints, len(targets)
        rows = np.empty((length, self._now.size))
        rows[:] = self._now
        rows[:, :n] = rows[:, 2 * n : 3 * n] = targets
        rows[0, n : 2 * n], rows[1:, n : 2 * n] = targets[0] - start, targets[1:] - targets[:-1]
        rows[:, n : 2 * n] /= self._period_s
        rows[:, 3 * n : 4 * n] = 0.0
        trace = {name: rows[:, column] for name, column in zip(self._predicted, self._columns, strict=True)}
        found: list[Fault | None] = []
        for spec in self.specifications:
            if not spec.on_prediction:
                continue
            try:
                value = bounds(spec.formula, trace)[1] if spec.monitor is None else spec.monitor.peek(rows.tolist())
                found.append(spec.fault(value, "would be violated by the chunk"))
            except (ArithmeticError, ValueError) as error:
                found.append(Fault(spec.reason, f"'{spec.config.name}' cannot be predicted: {error}"))
        return [fault for fault in found if fault is not None]

    def status(self) -> dict[str, str]:
        """Robustness on the trace by specification, for diagnostics."""
        monitored = [spec for spec in self.specifications if spec.monitor is not None]
        return {f"robustness/{spec.config.name}": f"{spec.robustness:.4g}" for spec in monitored}
