"""Turns a single-file ONNX policy (rsl_rl, Isaac Lab, mjlab, holosoma) into a bundle."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from pydantic import ValidationError

from policy_nodes.bundle.load import Bundle, readable
from policy_nodes.bundle.manifest import ActionSpec, ObservationFeature
from policy_nodes.bundle.onnx_graph import inspect_onnx
from policy_nodes.bundle.onnx_metadata import PolicyMetadata, contract_pairs, read_metadata, write_metadata
from policy_nodes.bundle.write import write_bundle
from policy_nodes.errors import BundleError, ConfigError
from policy_nodes.safety.config import SafetyConfig
from training.convert import parity, safety
from training.convert.graph import ACTION, wrap
from training.convert.settings import Given, Settings, resolve
from training.convert.terms import Term, Topics, build_terms
from training.export.contents import bundle_files, graph_tensors
from training.export.provenance import origin


@dataclass(frozen=True)
class Conversion:
    """What to convert, and how.

    Attributes:
        model: the ONNX file.
        output: bundle directory to write.
        robot: its name in the contract.
        given: what overrides or completes the file's metadata.
        topics: of the robot.
        safety: YAML of the limits; None takes them from a robot description.
        urdf: the description; None takes the one in the metadata.
        acceleration: rad/s^2, for limits from a description; jerk: rad/s^3.
        name: in the manifest; the output's name when empty.
        task: in words.
        max_age_s: of every observation.
        hold_steps: rows of the chunk: for how many periods one action is held.
        budget_s: inference budget; half a period when None.
        samples: of the parity proof; tolerance: of it, rad; seed: of its inputs.
    """

    model: Path
    output: Path
    robot: str
    given: Given = field(default_factory=Given)
    topics: Topics = field(default_factory=Topics)
    safety: Path | None = None
    urdf: Path | None = None
    acceleration: float | None = None
    jerk: float | None = None
    name: str = ""
    task: str = "track a velocity command"
    max_age_s: float = 0.1
    hold_steps: int = 2
    budget_s: float | None = None
    samples: int = 32
    tolerance: float = 1e-5
    seed: int = 0


def convert(request: Conversion) -> tuple[Bundle, str]:
    """Convert and prove.

    Returns:
        The bundle, and the name of the evaluator that gave the reference.

    Raises:
        BundleError: the graph is not one that a bundle may hold, or the result differs from the original.
        ConfigError: something the contract needs is neither in the file nor in the request; names the option.
    """
    metadata = read_metadata(request.model)
    settings = resolve(request.given, metadata)
    limits = _limits(request, settings, metadata)
    terms = build_terms(settings, limits, request.topics, request.max_age_s)
    features = [f"observation.{name}" for name in settings.observations]
    try:
        model = onnx.load_from_string(request.model.read_bytes())
    except Exception as failure:  # protobuf's own errors share no base class
        raise BundleError(f"'{request.model.name}' is not an ONNX model: {failure}.", "export it again") from None
    order, newest_first = settings.history_order, settings.newest_first
    wrapped = wrap(
        model,
        terms,
        features,
        settings.action_scale,
        horizon=request.hold_steps,
        order=order,
        newest_first=newest_first,
    )
    try:
        observations, actions = _contract(request, settings, limits, terms, features)
    except ValidationError as failure:
        raise ConfigError(f"{'; '.join(readable(failure))}.", "correct the named value with its option") from None
    graph = write_metadata(wrapped.SerializeToString(), contract_pairs(observations, actions, settings.rate_hz))
    inputs = parity.random_inputs(terms, features, request.samples, request.seed)
    flat = parity.flat_observations(terms, features, inputs, order, newest_first)
    chunks, evaluator = parity.reference_chunks(model, flat, settings.action_scale, request.hold_steps)
    error = _error(graph, inputs, chunks, request)
    fields = _fields(request, settings, observations, actions, graph, error)
    return write_bundle(request.output, fields, bundle_files(graph, inputs, {ACTION: chunks}, limits)), evaluator


def _limits(request: Conversion, settings: Settings, metadata: PolicyMetadata) -> SafetyConfig:
    if request.safety is not None:
        return safety.from_yaml(request.safety, settings.joints)
    text = metadata.urdf
    if request.urdf is not None:
        try:
            text = request.urdf.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read '{request.urdf}': {error}.", "give the robot's URDF with --urdf") from None
    if text is None:
        raise ConfigError(
            "A policy says nothing about the limits of the robot.",
            "give them with --safety FILE, or with --urdf FILE --acceleration A --jerk J",
        )
    return safety.from_urdf(text, settings.joints, request.acceleration, request.jerk)


def _contract(
    request: Conversion, settings: Settings, limits: SafetyConfig, terms: list[Term], features: list[str]
) -> tuple[list[ObservationFeature], ActionSpec]:
    step = 1.0 / settings.rate_hz
    observations = [
        ObservationFeature.model_validate(
            {"name": name, "terms": [term.contract], "history": term.history, "history_step_s": step}
        )
        for term, name in zip(terms, features, strict=True)
    ]
    joints = {
        "name": "joint_targets",
        "joints": list(settings.joints),
        "mode": "position",
        "unit": ["rad"] * len(settings.joints),
        "offset": settings.default_pos.tolist(),
        "stiffness": settings.stiffness.tolist(),
        "damping": settings.damping.tolist(),
        "minimum": [joint.position_min for joint in limits.joints],
        "maximum": [joint.position_max for joint in limits.joints],
    }
    actions = {
        "terms": [joints],
        "command_topic": request.topics.command,
        "command_type": "std_msgs/msg/Float64MultiArray",
        "horizon": request.hold_steps,
        "execution_horizon": 1,
        "step_s": step,
    }
    return observations, ActionSpec.model_validate(actions)


def _error(graph: bytes, inputs: parity.Arrays, chunks: np.ndarray, request: Conversion) -> float:
    try:
        error = parity.chunk_error(graph, inputs, chunks)
    except Exception as failure:
        raise BundleError(
            f"The wrapped policy does not run for several observations at once: {str(failure).splitlines()[0][:200]}.",
            "export it with a free batch dimension",
        ) from None
    if not error <= request.tolerance:
        raise BundleError(
            f"The wrapped policy differs from the original by {error:.2e} (allowed {request.tolerance:.0e}).",
            "export it with a free batch dimension; report the model if that does not help",
        )
    return error


def _fields(
    request: Conversion,
    settings: Settings,
    observations: list[ObservationFeature],
    actions: ActionSpec,
    graph: bytes,
    error: float,
) -> dict[str, Any]:
    """Every manifest field but files and digest."""
    info = {
        "family": "feedforward",
        "sampler": "deterministic",
        "sampling_steps": 1,
        "parameters": inspect_onnx(graph).parameters,
        **graph_tensors(observations, actions, noise_rows=0, embedding=0),
    }
    budget = request.budget_s if request.budget_s is not None else 0.5 / settings.rate_hz
    return {
        "name": request.name or request.output.name.removesuffix(".keel"),
        "robot": request.robot,
        "task": request.task,
        "observations": observations,
        "actions": actions,
        "timing": {"control_rate_hz": settings.rate_hz, "inference_budget_s": budget},
        "policy": info,
        "parity": {"samples": request.samples, "tolerance": request.tolerance, "max_abs_error": {ACTION: error}},
        # The training data is unknown and hashes as zeros; what stands for the statistics is the source file.
        "provenance": origin(
            asdict(request.given),
            hashlib.sha256(request.model.read_bytes()).hexdigest(),
            seed=request.seed,
            training_steps=0,
            versions={"source": f"onnx file {request.model.name}"},
        ),
    }
