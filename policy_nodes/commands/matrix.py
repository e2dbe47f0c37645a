"""Every graph of a bundle on every execution provider of this machine: does it run, with which numbers, how fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from policy_nodes.bundle.files import inspect_graph
from policy_nodes.bundle.limits import POLICY_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.cli.checks import Check, guarded
from policy_nodes.inference.parity import load_parity, max_abs_error
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.providers import PROVIDERS, available
from policy_nodes.inference.reactive import ReactiveDecoder
from policy_nodes.inference.stepwise import StepwiseSession

Maker = Callable[[str], PolicySession | ReactiveDecoder]


def matrix(bundle: Bundle, threads: int = 1) -> Iterator[Check]:
    """One verdict per provider and graph; providers that are not installed are named once.

    Args:
        bundle: verified.
        threads: of the sessions.
    """
    built = available()
    for provider in PROVIDERS:
        if provider not in built:
            yield Check(provider, "skip", "not installed", "see 'keel doctor'")
            continue
        for name, make in _graphs(bundle, threads):
            opset = inspect_graph(bundle.file(name)).opsets.get("", 0)
            yield guarded(f"{provider}: {name}", partial(_run, make, provider, opset))


def _graphs(bundle: Bundle, threads: int) -> Iterator[tuple[str, Maker]]:
    policy = bundle.manifest.policy
    yield POLICY_NAME, partial(_session, bundle, threads, None)
    for variant in policy.variants:
        yield variant.file, partial(_session, bundle, threads, variant.name)
    if policy.step_graph is not None:
        steps = policy.sampling_steps
        yield policy.step_graph.file, lambda provider: StepwiseSession(bundle, provider, threads, steps=steps)
    if policy.reactive is not None:
        yield policy.reactive.file, lambda provider: ReactiveDecoder(bundle, provider, threads)


def _session(bundle: Bundle, threads: int, variant: str | None, provider: str) -> PolicySession:
    return PolicySession(bundle, provider, threads, variant)


def _run(make: Maker, provider: str, opset: int) -> str:
    """Proves all recorded samples on the way.

    Raises:
        ProviderError: the provider answers differently.
    """
    session = make(provider)
    recorded = load_parity(session.bundle, session.parity_file)
    errors = max_abs_error(session.session, *recorded, batch=session.parity.samples)
    seconds = [session.warm_up(session.parity.samples), *(session.warm_up(1) for _ in range(20))]
    median = sorted(seconds)[len(seconds) // 2]
    listed = ", ".join(f"{name} {error:.1e}" for name, error in errors.items())
    return (
        f"opset {opset}, {session.parity.samples} samples within {session.parity.tolerance:.0e} ({listed}), "
        f"{median * 1e3:.2f} ms ({session.evaluations} evaluation(s))"
    )
