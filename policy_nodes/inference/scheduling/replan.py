"""When to plan again: rules that look at the clock, at what is left of the chunk, and at events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.chunking import Chunking
from policy_nodes.bundle.manifest import ObservationFeature
from policy_nodes.inference.scheduling.lookup import remaining_s
from policy_nodes.types import ActionChunk


@dataclass(frozen=True)
class Situation:
    """What a rule may look at.

    Attributes:
        now_ns: present instant.
        last_start_ns: when planning was last begun; None before the first time.
        chunk: the newest chunk that was published, if any.
        expected_delay_s: from the beginning of planning to the chunk in use.
        event: something unexpected was observed since planning was last begun.
    """

    now_ns: int
    last_start_ns: int | None
    chunk: ActionChunk | None
    expected_delay_s: float = 0.0
    event: bool = False


def due(rule: Chunking, situation: Situation, period_ns: int, step_ns: int) -> bool:
    """Whether to begin planning now.

    The first plan is always due, and so is one after the clock went back. ``fixed`` and ``on_event`` never let more
    than the execution period pass; ``on_remaining`` begins so early that, with the expected delay, the wanted number
    of steps is still left when the answer arrives.

    Args:
        rule: the bundle's chunking settings.
        situation: what is known.
        period_ns: execution horizon times step.
        step_ns: of the chunk; nothing is planned twice within one.
    """
    if situation.last_start_ns is None or situation.now_ns < situation.last_start_ns:
        return True
    since = situation.now_ns - situation.last_start_ns
    if since < step_ns:
        return False
    if rule.replan == "on_remaining":
        left = remaining_s(situation.chunk, situation.now_ns) - situation.expected_delay_s
        return round(left * 1e9) <= rule.remaining_steps * step_ns
    return since >= period_ns or (rule.replan == "on_event" and situation.event)


def jump_fraction(
    features: Sequence[ObservationFeature],
    before: Mapping[str, NDArray[np.floating]],
    after: Mapping[str, NDArray[np.floating]],
) -> float:
    """Largest change of any element's newest value, as a share of the range that the contract gives it.

    A quaternion and its negative are the same rotation, so both signs are tried for terms with four trailing ``q``
    axes. Values are as assembled for the graph: (history, size), after offset, scale and clip.
    """
    worst = 0.0
    for feature in features:
        for term, rows in feature.columns:
            old, new = np.asarray(before[feature.name])[-1, rows], np.asarray(after[feature.name])[-1, rows]
            span = abs(term.scale) * (np.asarray(term.maximum) - np.asarray(term.minimum))
            change = np.abs(new - old)
            if [axis[-2:] for axis in term.axes[-4:]] == ["qx", "qy", "qz", "qw"]:
                change[-4:] = np.minimum(change[-4:], np.abs(new[-4:] + old[-4:]))
            worst = max(worst, float(np.max(change / span)))
    return worst
