"""Turns asynchronous samples of many topics into the graph's inputs, as the contract says, or says why it cannot.

Time. The observation's stamp is that of the newest sample of any term (no term is ever extrapolated). History row
``k`` steps back is sampled at ``stamp - k * history_step``: the latest sample at or before that instant, or one at
most a quarter step later if it is nearer, so that a jitter of microseconds does not cost a whole period. Before the
first sample the oldest is repeated, as LeRobot pads the start of an episode. A term with a fallback is never missing:
while its topic is silent, and before its first sample, the fallback is its value. Pictures follow the same rules.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from policy_nodes.bundle.manifest import ImageFeature, ObservationFeature, ObservationTerm
from policy_nodes.errors import ObservationError
from policy_nodes.inference.history import History

FUTURE_TOLERANCE_NS = 50_000_000
"""How far a stamp may lie ahead of now before the clocks are called out of step."""


@dataclass(frozen=True)
class Observation:
    """Inputs of one policy call.

    Attributes:
        stamp_ns: of the newest sample used; the stamp of the chunk that answers it.
        values: by feature, (history, size) float32, oldest first, after the terms' offset, scale and clip; by camera,
            (history, height, width, channels) uint8.
        ages_s: by term, age of its newest sample at assembly.
        out_of_range: sentences naming the elements whose newest raw value is outside the contract's range.
    """

    stamp_ns: int
    values: dict[str, NDArray[Any]]
    ages_s: dict[str, float]
    out_of_range: tuple[str, ...] = field(default=())


class ObservationBuffer:
    """Bounded memory of the newest samples of every term; may be fed and read from different threads.

    Args:
        features: the contract's observations.
        images: the contract's cameras.
        kept_ns: by term, how far back :meth:`sampled` will ask for it.
    """

    def __init__(
        self,
        features: Sequence[ObservationFeature],
        images: Sequence[ImageFeature] = (),
        kept_ns: Mapping[str, int] | None = None,
    ) -> None:
        self._features = tuple(features)
        self._images = {image.name: image for image in images}
        self._lock = threading.Lock()
        self._terms = {term.name: term for feature in features for term in feature.terms}
        self._history: dict[str, History] = {}
        self.source: Callable[[], object] | None = None
        """Pushes what has been measured since it was last called."""
        for feature in self._features:
            span = round((feature.history - 1) * feature.history_step_s * 1e9)
            for term in feature.terms:
                longest = max(span, (kept_ns or {}).get(term.name, 0))
                self._history[term.name] = History(span_ns=longest + _age_limit_ns(term))
        for image in images:  # pictures are large: none is kept longer than a row of the history can ask for it
            self._history[image.name] = History(span_ns=round((image.history - 1) * image.history_step_s * 1e9))

    def refresh(self) -> None:
        """Let the source, if there is one, push what it has; before an assembly that must not be late."""
        if self.source is not None:
            self.source()

    def reset(self) -> None:
        """Forget everything: a new episode, or a clock that jumped."""
        with self._lock:
            for history in self._history.values():
                history.clear()

    def push(self, term_name: str, stamp_ns: int, value: ArrayLike) -> bool:
        """Store one raw sample.

        Late samples are sorted in; one with a known stamp replaces the older one. Values that are not finite are kept
        and refused by ``assemble``, because dropping them would hide a broken sensor behind its last good value.

        Args:
            term_name: of the contract.
            stamp_ns: time of measurement.
            value: (size,) in the term's order and unit.

        Returns:
            False when the sample is older than anything that could still be used, and was dropped.

        Raises:
            ObservationError: unknown term or wrong size.
        """
        term = self._term(term_name)
        array = np.array(value, dtype=np.float64)
        if array.ndim != 1:
            array = array.reshape(-1)
        if array.size != term.size:
            raise ObservationError(
                f"Observation term '{term_name}' has {array.size} elements, the contract {term.size}.",
                f"publish {', '.join(term.axes[:8])} on {term.topic}",
            )
        with self._lock:
            return self._history[term_name].insert(int(stamp_ns), array)

    def push_image(self, name: str, stamp_ns: int, pixels: NDArray[np.uint8]) -> bool:
        """Store one picture; see :meth:`push`. It is kept as it is, not copied.

        Raises:
            ObservationError: unknown camera, or not (height, width, channels) uint8 as the contract says.
        """
        image = self._images.get(name)
        if image is None:
            known = ", ".join(self._images) or "none"
            raise ObservationError(f"The contract has no camera '{name}'.", f"it has {known}")
        if pixels.shape != image.shape or pixels.dtype != np.uint8:
            raise ObservationError(
                f"Camera '{name}' gives {pixels.dtype} {pixels.shape}, the contract says uint8 {image.shape}.",
                f"publish {image.width}x{image.height} {image.encoding} on {image.topic}",
            )
        with self._lock:
            return self._history[name].insert(int(stamp_ns), pixels)

    def push_own_action(self, stamp_ns: int, command: ArrayLike) -> None:
        """Remember the policy's own answer for terms that observe it.

        It is what the policy put out, not what limits made of it: the network was trained on its own outputs. It never
        travels over the wire, so that it cannot be late, lost, or another process's.

        Args:
            stamp_ns: of the chunk, which is that of its observation.
            command: (n,) first row of the chunk in command order.
        """
        for term in (term for feature in self._features for term in feature.terms if term.own_action):
            self.push(term.name, stamp_ns, command)

    def assemble(self, now_ns: int) -> Observation:
        """Build the graph's inputs from the samples at hand.

        Args:
            now_ns: current time of the clock that stamps the samples.

        Raises:
            ObservationError: a term or camera was never received, is too old, has a gap in its history, comes from the
                future, or holds a value that is not finite; the text names term, age and limit.
        """
        with self._lock:
            terms = [term for feature in self._features for term in feature.terms]
            missing = {term.name for term in terms if term.fallback is not None and self._silent(term, now_ns)}
            newest = {term.name: self._newest(term, now_ns) for term in terms if term.name not in missing}
            newest |= {name: self._newest(image, now_ns) for name, image in self._images.items()}
            stamp = max(newest.values(), default=now_ns)
            values: dict[str, NDArray[Any]] = {f.name: self._rows(f, stamp, missing) for f in self._features}
            values |= {name: self._pictures(image, stamp) for name, image in self._images.items()}
            outside = tuple(self._outside(missing))
        ages = {name: (now_ns - newest[name]) / 1e9 for name in newest}
        return Observation(stamp, values, ages, outside)

    def sampled(
        self, names: Sequence[str], instants_ns: Sequence[int], now_ns: int, later_ns: int = 0
    ) -> NDArray[np.float32]:
        """Terms at given instants, (T, size) float32, after offset, scale and clip, in the order asked for.

        Args:
            names: of the terms.
            instants_ns: T instants, none after now.
            now_ns: current time of the clock that stamps the samples.
            later_ns: a sample up to this much after its instant is taken when it is nearer than the one before.

        Raises:
            ObservationError: as :meth:`assemble`.
        """
        columns = []
        with self._lock:
            for name in names:
                term = self._term(name)
                self._newest(term, now_ns)
                columns.append(transform(term, np.stack([self._value(term, t, later_ns) for t in instants_ns])))
        return np.concatenate(columns, axis=1).astype(np.float32)

    def _value(self, term: ObservationTerm, target_ns: int, later_ns: int) -> NDArray[np.float64]:
        """The sample for an instant, without a gap before it and finite."""
        found, value = self._history[term.name].at(target_ns, later_ns)
        _refuse_gap(term, target_ns - found)
        _refuse_not_finite(term, value)
        return value

    def _term(self, name: str) -> ObservationTerm:
        if (term := self._terms.get(name)) is not None:
            return term
        raise ObservationError(f"The contract has no observation term '{name}'.", f"it has {', '.join(self._history)}")

    def _silent(self, term: ObservationTerm, now_ns: int) -> bool:
        """Whether the term's fallback stands in: nothing was received for longer than its age limit."""
        history = self._history[term.name]
        return not history or now_ns - history.newest_ns > _age_limit_ns(term)

    def _newest(self, term: ObservationTerm | ImageFeature, now_ns: int) -> int:
        """Stamp of the term's newest sample, after the checks on its age."""
        history = self._history[term.name]
        if not history:
            raise ObservationError(
                f"Observation term '{term.name}' was never received.",
                f"check that {term.topic} ({term.message_type}) is published: ros2 topic hz {term.topic}",
            )
        stamp = history.newest_ns
        age = (now_ns - stamp) / 1e9
        if age > term.max_age_s:
            raise ObservationError(
                f"Observation term '{term.name}' is {age:.3f} s old, the limit is {term.max_age_s:g} s.",
                f"check the publisher of {term.topic} and the clocks of both machines",
            )
        if now_ns - stamp < -FUTURE_TOLERANCE_NS:
            raise ObservationError(
                f"Observation term '{term.name}' is stamped {-age:.3f} s in the future.",
                "synchronise the clocks (chrony), or set use_sim_time on all nodes or on none",
            )
        return stamp

    def _rows(self, feature: ObservationFeature, stamp_ns: int, missing: set[str]) -> NDArray[np.float32]:
        step_ns = feature.history_step_s * 1e9
        rows = np.empty((feature.history, feature.size), dtype=np.float32)
        for term, columns in feature.columns:
            history = self._history[term.name]
            if term.name in missing:
                rows[:, columns] = transform(term, np.array(term.fallback, dtype=np.float64))
                continue
            for index in range(feature.history):
                target = stamp_ns - round((feature.history - 1 - index) * step_ns)
                found, value = history.at(target, later_ns=round(step_ns / 4))
                if term.fallback is not None and (target - found > _age_limit_ns(term) or found > target + step_ns / 4):
                    value = np.array(term.fallback, dtype=np.float64)  # silent then
                else:
                    _refuse_gap(term, target - found)
                _refuse_not_finite(term, value)
                rows[index, columns] = transform(term, value)
        return rows

    def _pictures(self, image: ImageFeature, stamp_ns: int) -> NDArray[np.uint8]:
        """(history, height, width, channels)."""
        history, step_ns = self._history[image.name], image.history_step_s * 1e9
        rows = []
        for back in reversed(range(image.history)):
            target = stamp_ns - round(back * step_ns)
            found, pixels = history.at(target, later_ns=round(step_ns / 4))
            _refuse_gap(image, target - found)
            rows.append(pixels)
        return rows[0][None] if len(rows) == 1 else np.stack(rows)

    def _outside(self, missing: set[str]) -> list[str]:
        sentences = []
        for feature in self._features:
            for term in (term for term in feature.terms if term.name not in missing):
                value = self._history[term.name].newest
                for index in np.flatnonzero((value < np.array(term.minimum)) | (value > np.array(term.maximum))):
                    limits = f"[{term.minimum[index]:g}, {term.maximum[index]:g}]"
                    sentences.append(f"'{term.name}' {term.axes[index]} = {value[index]:g} is outside {limits}")
        return sentences


def transform(term: ObservationTerm, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """``clip((raw - offset) * scale)`` of one term, same shape."""
    result = (value - term.offset) * term.scale
    return result if term.clip is None else np.clip(result, -term.clip, term.clip)


def _refuse_not_finite(term: ObservationTerm, value: NDArray[np.float64]) -> None:
    if not np.isfinite(value).all():
        axis = term.axes[int(np.argmin(np.isfinite(value)))]
        raise ObservationError(
            f"Observation term '{term.name}' is not finite at '{axis}'.", f"check the sensor behind {term.topic}"
        )


def _refuse_gap(term: ObservationTerm | ImageFeature, gap_ns: int) -> None:
    if gap_ns > _age_limit_ns(term):
        raise ObservationError(
            f"Observation term '{term.name}' has a gap of {gap_ns / 1e9:.3f} s in its history, "
            f"the limit is {term.max_age_s:g} s.",
            f"check for lost messages on {term.topic}",
        )


def _age_limit_ns(term: ObservationTerm | ImageFeature) -> int:
    return round(term.max_age_s * 1e9)
