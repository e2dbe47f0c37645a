"""Prove that a bundle is intact and gives the right numbers on this machine, fast enough.

Validates the manifest and its meaning, checks the signature, recomputes every hash, re-runs the recorded inputs on the
chosen execution provider, times single calls, and checks the safety limits and the failure monitor against the policy.
Exit code 0 when every item passes, 1 otherwise.

Examples:
    keel verify pick_place.keel
    keel verify pick_place.keel --provider cuda
    keel verify pick_place.keel --matrix     (every graph on every execution provider of this machine)
    keel verify pick_place.keel --json > verify.json
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from policy_nodes.bundle.files import check_contents, check_hashes, check_listing, read_manifest_bytes
from policy_nodes.bundle.limits import CALIBRATION_NAME, MANIFEST_NAME, MONITOR_NAME, POLICY_NAME, SAFETY_NAME
from policy_nodes.bundle.load import Bundle, load_bundle, parse_manifest
from policy_nodes.bundle.manifest import Manifest
from policy_nodes.bundle.signature import read_signature
from policy_nodes.bundle.trust import judge
from policy_nodes.cli.checks import Check, guarded, passed, print_json, print_table
from policy_nodes.commands.matrix import matrix
from policy_nodes.errors import BundleError
from policy_nodes.inference.fastest import AUTO, open_session
from policy_nodes.inference.latency import measure_latency
from policy_nodes.inference.parity import exceeded, load_parity, max_abs_error
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.provider_options import ProviderSettings
from policy_nodes.inference.providers import create_session
from policy_nodes.inference.reactive import ReactiveDecoder
from policy_nodes.inference.stepwise import StepwiseSession


@dataclass(frozen=True)
class Args:
    """Options of ``keel verify``."""

    bundle: tyro.conf.Positional[Path]
    """The NAME.keel directory."""
    provider: Literal["cpu", "cuda", "tensorrt", "openvino", "auto"] = "cpu"
    """Execution provider the robot will use; auto measures which is fastest."""
    threads: int = 1
    """Threads of the inference session."""
    calls: int = 200
    """Calls to time; at least 200 for a 99th percentile that means something."""
    require_signature: bool = False
    """Fail unless a trusted key signed the bundle; always so where KEEL_TRUSTED_KEYS is set."""
    trusted_keys: Path | None = None
    """Directory of trusted public keys (*.pub); the one KEEL_TRUSTED_KEYS names by default."""
    matrix: bool = False
    """Also run every graph on every execution provider of this machine."""
    json: bool = False
    """Print JSON instead of a table."""


def run(args: Args) -> int:
    """Verify and print; returns the exit code."""
    required = True if args.require_signature or args.trusted_keys else None
    trust = partial(check_signature, required=required, directory=args.trusted_keys)
    checks = list(verify(args.bundle, args.provider, args.threads, args.calls, trust))
    if args.matrix and passed(checks):
        checks += matrix(load_bundle(args.bundle, require_signature=False), args.threads)
    if args.json:
        print_json(str(args.bundle), checks)
    else:
        print_table(checks, f"keel verify {args.bundle}")
        print("passed" if passed(checks) else "FAILED")
    return 0 if passed(checks) else 1


def check_signature(
    path: Path, manifest: Manifest, *, required: bool | None = None, directory: Path | None = None
) -> Check:
    """Who signed the bundle, and whether this machine may run it; see ``trust.judge``.

    Raises:
        BundleError: required and absent, unknown or wrong; a wrong one is refused also where none is required.
        ConfigError: the trusted keys are unusable.
    """
    found = judge(path.name, read_signature(path, manifest.digest), required=required, directory=directory)
    if found is None:
        return Check("signature", "skip", "the bundle is not signed, and no trusted keys are configured here")
    if found.trusted:
        return Check("signature", "ok", f"signed by trusted key {found.key_id}")
    fix = "set KEEL_TRUSTED_KEYS to a directory of the public keys you trust"
    return Check("signature", "warn", f"signed by key {found.key_id}, which nothing here vouches for", fix)


def verify(
    path: Path,
    provider: str = "cpu",
    threads: int = 1,
    calls: int = 200,
    signature: Callable[[Path, Manifest], Check] = check_signature,
) -> Iterator[Check]:
    """All checks of one bundle, in order; later ones are skipped when what they need has failed.

    Args:
        path: the ``NAME.keel`` directory.
        provider: a key of ``inference.providers.PROVIDERS``, or ``auto``.
        threads: of the inference session.
        calls: to time.
        signature: the rule on signatures.
    """
    path = path.expanduser().resolve()
    manifests: list[Manifest] = []

    def manifest() -> str:
        parsed = parse_manifest(read_manifest_bytes(path), f"{path.name}/{MANIFEST_NAME}")
        manifests.append(parsed)
        return f"schema {parsed.schema_version}, digest and meaning agree: '{parsed.name}' for {parsed.robot}"

    yield (first := guarded("manifest", manifest))
    static: dict[str, Callable[[Path, Manifest], None]] = {
        "files": check_listing,
        "hashes": check_hashes,
        "contents": check_contents,
    }
    intact = first.status == "ok"
    if intact:
        yield guarded("signature", lambda: signature(path, manifests[0]))
    else:
        yield Check("signature", "skip", "needs the item above")
    for item, check in static.items():
        if not intact:
            yield Check(item, "skip", "needs the item above")
            continue
        yield (result := guarded(item, partial(_static, check, item, path, manifests[0])))
        intact = result.status == "ok"
    if not intact:
        rest = (*RUNTIME, "safety", "monitor", "sim2sim")
        yield from (Check(item, "skip", "the bundle is not intact") for item in rest)
        return
    bundle = Bundle(path, manifests[0])  # everything load_bundle checks has just been checked, item by item
    yield from _runtime(bundle, provider, threads, calls)
    yield guarded("safety", lambda: check_safety(bundle))
    yield guarded("monitor", lambda: check_monitor(bundle, provider))
    yield check_sim2sim(bundle)


RUNTIME = ("provider", "parity", "latency")


def _static(check: Callable[[Path, Manifest], None], item: str, path: Path, manifest: Manifest) -> str:
    check(path, manifest)
    count = len(manifest.files)
    return {
        "files": f"exactly the {count} files listed, all plain",
        "hashes": f"SHA-256 of {count} files recomputed",
        "contents": "graph, parity data and contract agree; no external data, pickle or hidden randomness",
    }[item]


def _runtime(bundle: Bundle, provider: str, threads: int, calls: int) -> Iterator[Check]:
    sessions: list[PolicySession] = []

    def start() -> str:
        said: list[str] = []
        sessions.append(open_session(bundle, provider, threads, ProviderSettings(notify=said.append)))
        active = f"{sessions[0].provider} is active ({', '.join(sessions[0].session.get_providers())})"
        return "; ".join([f"{active}, {threads} thread(s)", *said])

    yield guarded("provider", start)
    if not sessions:
        yield from (Check(item, "skip", "no session") for item in RUNTIME[1:])
        return
    yield guarded("parity", lambda: check_parity(sessions[0]))
    yield guarded("latency", lambda: check_latency(sessions[0], calls))
    provider = sessions[0].provider
    for variant in bundle.manifest.policy.variants:
        yield guarded(f"graph {variant.name}", partial(check_variant, bundle, variant.name, provider, threads))
    if bundle.manifest.policy.step_graph is not None:
        yield guarded("step graph", partial(check_step_graph, bundle, provider, threads))
    if bundle.manifest.policy.reactive is not None:
        yield guarded("fast decoder", partial(check_reactive, bundle, provider, threads))


def check_parity(session: PolicySession) -> Check:
    """Recorded inputs one by one and all at once, against the training framework's outputs."""
    inputs, outputs = load_parity(session.bundle)
    parity = session.bundle.manifest.parity
    single = max_abs_error(session.session, inputs, outputs, batch=1)
    batched = max_abs_error(session.session, inputs, outputs, batch=parity.samples)
    errors = {name: max(single[name], batched[name]) for name in single}
    listed = ", ".join(f"{name} {error:.2e}" for name, error in errors.items())
    worse = exceeded(errors, parity.tolerance)
    if worse:
        fix = "use provider 'cpu', or export again with this onnxruntime; do not run this bundle here"
        return Check("parity", "fail", f"max abs error {listed}; tolerance {parity.tolerance:g}", fix)
    return Check(
        "parity", "ok", f"max abs error {listed} over {parity.samples} samples; tolerance {parity.tolerance:g}"
    )


def check_variant(bundle: Bundle, name: str, provider: str, threads: int) -> str:
    """A further graph gives the training framework's answers here too.

    Raises:
        ProviderError: it does not, or cannot run.
    """
    session = PolicySession(bundle, provider, threads, name)
    session.warm_up(session.parity.samples)
    return f"{session.evaluations} evaluations, {session.parity.samples} samples within {session.parity.tolerance:g}"


def check_step_graph(bundle: Bundle, provider: str, threads: int) -> str:
    """Single steps, and the policy's own number of them, give the training framework's answers here too.

    Raises:
        ProviderError: they do not, or cannot run.
    """
    session = StepwiseSession(bundle, provider, threads, steps=bundle.manifest.policy.sampling_steps)
    session.warm_up(session.parity.samples)
    step = bundle.manifest.policy.step_graph
    assert step is not None
    counts = ", ".join(str(schedule.steps) for schedule in step.schedules)
    return f"for {counts} steps; one step and the chain of {session.evaluations} within {session.parity.tolerance:g}"


def check_reactive(bundle: Bundle, provider: str, threads: int) -> str:
    """The fast decoder gives the training framework's answers here too.

    Raises:
        ProviderError: it does not, or cannot run.
    """
    decoder = ReactiveDecoder(bundle, provider, threads)
    seconds = decoder.warm_up(decoder.parity.samples)
    felt = ", ".join(decoder.graph.terms)
    return (
        f"feels {felt}; {decoder.parity.samples} samples within {decoder.parity.tolerance:g}, last call "
        f"{seconds * 1e3:.2f} ms"
    )


def check_latency(session: PolicySession, calls: int) -> Check:
    """The 99th percentile of single calls against the contract's inference budget."""
    budget = session.bundle.manifest.timing.inference_budget_s
    latency = measure_latency(session, max(calls, 1))
    detail = (
        f"median {latency.median_s * 1e3:.2f} ms, p99 {latency.p99_s * 1e3:.2f} ms, max {latency.max_s * 1e3:.2f} ms "
        f"over {latency.calls} calls; budget {budget * 1e3:g} ms"
    )
    if latency.p99_s > budget:
        return Check("latency", "fail", detail, "close other programs, use a faster provider, or fewer sampling steps")
    return Check("latency", "ok", detail)


def check_safety(bundle: Bundle) -> str:
    """``safety.yaml`` is valid and is about the joints the policy commands, in command order.

    Raises:
        ConfigError: the file is invalid.
        BundleError: it lists other joints.
    """
    from policy_nodes.safety.config import load_safety_config

    config = load_safety_config(bundle.file(SAFETY_NAME))
    commanded = bundle.manifest.actions.joints
    if list(config.names) != commanded:
        raise BundleError(
            f"{SAFETY_NAME} limits {', '.join(config.names)}; the policy commands {', '.join(commanded)}.",
            "export again with limits for exactly the commanded joints, in command order",
        )
    return f"limits for {len(commanded)} joints"


def check_monitor(bundle: Bundle, provider: str) -> Check:
    """The failure monitor, where there is one, was calibrated on this very policy and its graph can run here.

    Raises:
        BundleError: the calibration is broken or belongs to another policy.
        ProviderError: the monitor's graph cannot run.
    """
    files = bundle.manifest.files
    if CALIBRATION_NAME not in files:
        if MONITOR_NAME in files:
            raise BundleError(f"{MONITOR_NAME} is there without {CALIBRATION_NAME}.", "run 'keel calibrate' again")
        return Check("monitor", "skip", "the bundle has no failure monitor", "run 'keel calibrate' to add one")
    with np.load(bundle.file(CALIBRATION_NAME), allow_pickle=False) as archive:
        text = str(archive["meta"]) if "meta" in archive.files else ""
    try:
        meta = json.loads(text)
        calibrated_on = meta["policy_sha256"]
    except (ValueError, KeyError, TypeError):
        raise BundleError(f"{CALIBRATION_NAME} has no readable 'meta'.", "run 'keel calibrate' again") from None
    if calibrated_on != files[POLICY_NAME]:
        raise BundleError(f"{CALIBRATION_NAME} was made for another policy.", "run 'keel calibrate' on this bundle")
    if MONITOR_NAME in files:
        create_session(bundle.read(MONITOR_NAME), "cpu" if provider == AUTO else provider)
    return Check("monitor", "ok", "calibrated on this policy" + (", its graph loads" if MONITOR_NAME in files else ""))


def check_sim2sim(bundle: Bundle) -> Check:
    """The recorded sim-to-sim gate, where there is one, is about this policy and was passed."""
    found, run = bundle.manifest.sim2sim, "run 'keel evaluate --shifted --record' on this bundle"
    if found is None:
        return Check("sim2sim", "skip", "never tried in changed worlds", run)
    if found.policy_sha256 != bundle.manifest.files[POLICY_NAME]:
        return Check("sim2sim", "fail", "the recorded gate was run with another policy", run)
    episodes = sum(row.episodes for row in found.rows)
    if found.failed:
        detail = f"failed in {', '.join(found.failed)} of {len(found.rows)} changed worlds"
        return Check("sim2sim", "fail", detail, "train with wider randomisation, or run where these do not occur")
    return Check("sim2sim", "ok", f"passed in all {len(found.rows)} changed worlds, {episodes} episodes")
