"""Which execution provider answers fastest here, measured on a bundle's own recorded inputs (provider ``auto``).

No rule tells: on matrix products ONNX Runtime and OpenVINO are alike, on convolutions OpenVINO is twice as fast, on a
few small operators it is slower. A provider that does not load, or whose numbers fail the bundle's proof, is no
candidate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.limits import PARITY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.errors import ProviderError
from policy_nodes.inference.parity import load_parity
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.provider_options import ProviderSettings
from policy_nodes.inference.providers import available

AUTO = "auto"
MARGIN, SHARE = 0.95, 0.8
"""Another provider than the CPU's must take less than this share of its time in so many of the rounds: one that all
machines have is simpler, and on a busy machine a few lucky rounds prove nothing."""
ROUNDS, FEWEST, CALLS = 15, 5, 2
LONGEST_S = 10.0
"""After this time no further round is begun, once there were :data:`FEWEST`."""


def open_session(
    bundle: Bundle, provider: str = "cpu", threads: int = 1, settings: ProviderSettings | None = None
) -> PolicySession:
    """A session of ``policy.onnx`` on a provider, or on the fastest one for :data:`AUTO`.

    Args:
        bundle: verified.
        provider: a key of ``providers.PROVIDERS``, or :data:`AUTO`.
        threads: of the session.
        settings: of GPU providers; ``notify`` is told what was chosen, and why.

    Raises:
        BundleError: the graph changed since it was verified.
        ProviderError: the provider, or every one, cannot run here.
    """
    if provider != AUTO:
        return PolicySession(bundle, provider, threads, settings=settings)
    makers = {name: partial(PolicySession, bundle, name, threads, settings=settings) for name in available()}
    return fastest(makers, (settings or ProviderSettings()).notify)


def fastest(
    makers: Mapping[str, Callable[[], PolicySession]], notify: Callable[[str], None] = lambda text: None
) -> PolicySession:
    """Open a session on every provider, prove each, time them in turns, and keep the fastest; one alone is not timed.

    Args:
        makers: by provider, a function that opens its session.
        notify: told the times and who was left out.

    Raises:
        ProviderError: none of them works.
    """
    sessions: dict[str, PolicySession] = {}
    excuses = []
    for name, make in makers.items():
        try:
            session = make()
            session.warm_up(2)
            sessions[name] = session
        except ProviderError as error:
            excuses.append(f"{name}: {error.cause}")
    if not sessions:
        raise ProviderError(f"No execution provider can run this policy: {' '.join(excuses)}", "run 'keel doctor'")
    if len(sessions) == 1:
        (only,) = sessions
        notify("; ".join([f"provider {only} is used, the only one that is installed and works", *excuses]))
        return sessions[only]
    seconds = times(sessions)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    candidates = medians
    if "cpu" in seconds:
        ahead = {name: float(np.mean(values < MARGIN * seconds["cpu"])) for name, values in seconds.items()}
        candidates = {name: medians[name] for name in medians if name == "cpu" or ahead[name] >= SHARE}
        candidates = {name: value for name, value in candidates.items() if name != "cpu"} or candidates
    best = min(candidates, key=lambda name: candidates[name])
    listed = [f"{name} {value * 1e3:.2f} ms" for name, value in medians.items()]
    notify(f"provider {best} is used ({'; '.join(listed + excuses)})")
    return sessions[best]


def times(sessions: Mapping[str, PolicySession]) -> dict[str, NDArray[np.float64]]:
    """Seconds per call of one observation by round, all sessions in turns so that other load meets each of them."""
    first = next(iter(sessions.values()))
    inputs, _ = load_parity(first.bundle, PARITY_NAME)
    feeds = {name: np.ascontiguousarray(value[:1]) for name, value in inputs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in sessions}
    begun = time.perf_counter()
    for number in range(ROUNDS):
        if number >= FEWEST and time.perf_counter() - begun > LONGEST_S:
            break
        for name, session in sessions.items():
            started = time.perf_counter()
            for _ in range(CALLS):
                session.session.run(None, feeds)
            seconds[name].append((time.perf_counter() - started) / CALLS)
    return {name: np.array(values) for name, values in seconds.items()}
