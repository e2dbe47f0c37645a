"""A bundle in lower precision, written only when it does as well as the original in closed loop."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.limits import CALIBRATION_NAME, MONITOR_NAME, PARITY_NAME, POLICY_NAME, SIGNATURE_NAME
from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import Parity, ReducedPrecision
from policy_nodes.bundle.write import write_bundle
from policy_nodes.errors import BundleError
from policy_nodes.inference.parity import load_parity, max_abs_error
from policy_nodes.inference.providers import create_session
from training.evaluation.gate import Evaluator, Verdict, compare, require
from training.export.contents import require_parity
from training.export.half import to_half
from training.export.quantize import Feeds, to_int8
from training.export.recorded import pack

Precision = Literal["int8", "float16"]
LARGEST = 1e-2
"""Largest tolerance that a manifest may state, rad."""
Arrays = dict[str, NDArray[np.float32]]


def reduced_bundle(
    bundle: Bundle,
    output: Path,
    precision: Precision,
    evaluate: Evaluator,
    seeds: Sequence[int],
    *,
    calibration: Sequence[Feeds] = (),
    confidence: float = 0.95,
) -> tuple[Bundle, Verdict]:
    """Convert, prove, compare in closed loop, and only then write.

    int8 has another function than the policy: its proof is that another machine gives its own recorded numbers, its
    fitness is the gate. Half precision is the policy rounded: its proof stays the framework's answers.

    Args:
        bundle: in single precision.
        output: directory to write; may be the bundle's own.
        precision: of the new one.
        evaluate: closed loop.
        seeds: of its episodes.
        calibration: inputs for int8.
        confidence: see :func:`gate.compare`.

    Returns:
        The new bundle, and the comparison.

    Raises:
        BundleError: the bundle is reduced already, or half precision is too coarse for it.
        GateError: success drops; nothing is written.
    """
    if bundle.manifest.policy.reduced is not None:
        raise BundleError(
            f"{bundle.path.name}: is in {bundle.manifest.policy.reduced.precision} already.",
            "give the bundle that was exported in single precision.",
        )
    source = bundle.read(POLICY_NAME)
    graph = to_int8(source, calibration) if precision == "int8" else to_half(source)
    inputs, outputs = load_parity(bundle)
    session = create_session(graph, "cpu")
    apart = max_abs_error(session, inputs, outputs)
    if precision == "int8":
        answers = session.run(list(outputs), inputs)
        outputs = dict(zip(outputs, answers, strict=True))
        errors = max_abs_error(session, inputs, outputs)  # one by one against all at once
        tolerance = LARGEST
    else:
        errors, tolerance = apart, LARGEST
        fix = "keep it in single precision: its numbers need more than eleven bits."
        require_parity(errors, tolerance, "the graph in half precision differs from PyTorch", fix)
        tolerance = min(LARGEST, max(1e-3, 4.0 * max(errors.values())))
    reduced = ReducedPrecision(
        precision=precision,
        source_digest=bundle.manifest.digest,
        max_abs_error=apart,
        calibration_samples=len(calibration),
        episodes=len(seeds),
        first_seed=seeds[0],
        successes=0,
        source_successes=0,
    )
    with tempfile.TemporaryDirectory() as directory:
        candidate = _write(
            bundle, Path(directory) / "candidate.keel", graph, inputs, outputs, errors, tolerance, reduced
        )
        verdict = compare(evaluate, bundle, candidate, seeds, confidence)
    require(verdict, f"'{bundle.manifest.name}' in {precision}")
    counts = {"successes": sum(verdict.after), "source_successes": sum(verdict.before)}
    reduced = reduced.model_copy(update=counts)
    return _write(bundle, output, graph, inputs, outputs, errors, tolerance, reduced), verdict


def _write(
    bundle: Bundle,
    output: Path,
    graph: bytes,
    inputs: Arrays,
    outputs: Arrays,
    errors: dict[str, float],
    tolerance: float,
    reduced: ReducedPrecision,
) -> Bundle:
    """The bundle with this graph; other samplers, monitor and signature are the original's and stay behind."""
    manifest = bundle.manifest
    dropped = {POLICY_NAME, PARITY_NAME, MONITOR_NAME, CALIBRATION_NAME, SIGNATURE_NAME}
    for further in manifest.policy.further:
        if further is not manifest.policy.reactive:  # a fast decoder reads this graph's plans as well
            dropped |= {further.file, further.parity_file}
    files: dict[str, Path | bytes] = {name: bundle.read(name) for name in manifest.files if name not in dropped}
    files |= {POLICY_NAME: graph, PARITY_NAME: pack(inputs, outputs)}
    fields = manifest.model_dump(mode="json", exclude={"files", "digest", "schema_version"})
    timing = manifest.timing.model_dump(mode="json")
    timing.pop("warm_start")  # its graph stays behind
    fields["timing"] = timing
    fields["policy"] |= {"reduced": reduced, "variants": [], "step_graph": None}
    samples = manifest.parity.samples
    fields["parity"] = Parity(samples=samples, tolerance=tolerance, max_abs_error=errors)
    fields["provenance"]["success"] = None  # it was the original's
    return write_bundle(output, fields, files)
