"""A LeRobot checkpoint and a contract become a bundle, with proof that the graph computes what PyTorch computes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import ActionSpec, ImageFeature, ObservationFeature, PolicyInfo
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import write_bundle
from policy_nodes.inference.observation import transform
from training.convert.lerobot.checkpoint import LeRobotCheckpoint
from training.convert.lerobot.contract import RobotContract, manifest_parts
from training.convert.lerobot.deployed import DeployedPolicy, Shape
from training.convert.lerobot.sampler_graph import diffusion_graph
from training.export.contents import bundle_files, graph_tensors, require_parity
from training.export.graph import ACTION, EMBEDDING, NOISE, export_graph
from training.export.parity import accepted, graph_errors, own_rounding, reference_outputs
from training.export.provenance import origin, statistics_sha256

TOLERANCE = 1e-5
"""Of the proof, relative to the largest action where that exceeds 1 (LeRobot datasets often hold degrees)."""
MOST_PICTURES, MOST_PICTURE_BYTES = 8, 64 << 20
"""Recorded samples of a policy with cameras: at most so many, and so many bytes of pixels before they are packed."""
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Converted:
    """The bundle, the largest difference between its graph and PyTorch in the policy's own units, number of samples."""

    bundle: Bundle
    error: float
    samples: int


def convert(
    checkpoint: LeRobotCheckpoint,
    policy: DeployedPolicy,
    shape: Shape,
    contract: RobotContract,
    output: Path,
    *,
    name: str = "",
    samples: int = 32,
    seed: int = 0,
) -> Converted:
    """Export, prove, write.

    Args:
        checkpoint: where the policy comes from.
        policy: as built by ``deployed.build``; shape: of it.
        contract: of the robot.
        output: bundle directory.
        name: in the manifest; the output's name when empty.
        samples: random observations within the contract's ranges, stored as proof; fewer where pictures are large.
        seed: of them.

    Raises:
        BundleError: the graph's answers differ from PyTorch's, or the parts contradict each other.
    """
    observations, images, actions, timing = manifest_parts(contract, checkpoint, shape)
    samples = _proofs(images, samples)
    metadata = contract_pairs(observations, actions, timing.control_rate_hz)
    if checkpoint.family == "diffusion":
        graph = diffusion_graph(policy, observations, images, actions, metadata)
    else:
        graph = export_graph(policy, observations, actions, metadata, shape.noise_rows, images)
    inputs = random_inputs(observations, images, actions, shape, samples, seed)
    outputs = reference_outputs(policy, inputs)
    errors = graph_errors(graph, inputs, outputs)
    largest = max(float(np.abs(value).max()) for value in outputs.values())
    tolerance = min(TOLERANCE * max(1.0, largest), 1e-2)
    if not max(errors.values()) <= tolerance:  # what single precision costs this policy is no error
        tolerance = max(tolerance, min(accepted(own_rounding(policy, inputs)), 1e-2))
    fix = "use the torch and onnx versions of constraints.txt; check the contract's ranges against the statistics."
    require_parity(errors, tolerance, "the exported graph differs from PyTorch", fix)
    info = PolicyInfo(
        family=f"lerobot_{checkpoint.family}",
        sampler=shape.sampler,
        sampling_steps=shape.steps,
        parameters=sum(p.numel() for p in policy.parameters()),
        **graph_tensors(observations, actions, shape.noise_rows, outputs[EMBEDDING].shape[1], images),
    )
    fields = {
        "name": (name or output.name).removesuffix(".keel"),
        "robot": contract.robot,
        "task": contract.task,
        "observations": observations,
        "images": images,
        "actions": actions,
        "timing": timing,
        "policy": info,
        "parity": {"samples": samples, "tolerance": tolerance, "max_abs_error": errors},
        "provenance": origin(
            checkpoint.config,
            statistics_sha256(policy, "normalize"),
            seed=seed,
            training_steps=_training_steps(checkpoint),
        ),
    }
    bundle = write_bundle(output, fields, bundle_files(graph, inputs, outputs, contract.safety))
    return Converted(bundle, errors[ACTION], samples)


def random_inputs(
    observations: Sequence[ObservationFeature],
    images: Sequence[ImageFeature],
    actions: ActionSpec,
    shape: Shape,
    samples: int,
    seed: int,
) -> Arrays:
    """Observations drawn uniformly from the contract's ranges, as the graph sees them, and standard normal noise.

    Pictures are random squares, of one pixel in the first sample and coarser in the others.
    """
    rng = np.random.default_rng(seed)
    inputs: Arrays = {}
    for feature in observations:
        columns = [
            transform(term, rng.uniform(term.minimum, term.maximum, (samples, feature.history, term.size)))
            for term in feature.terms
        ]
        inputs[feature.name] = np.concatenate(columns, axis=-1).astype(np.float32)
    for image in images:
        cells = [1, *(4 << index % 4 for index in range(samples - 1))]
        inputs[image.name] = np.stack([_picture(rng, image, cell) for cell in cells])
    if shape.noise_rows:
        size = (samples, shape.noise_rows, len(actions.joints))
        inputs[NOISE] = rng.standard_normal(size, dtype=np.float32)
    return inputs


def _picture(rng: np.random.Generator, image: ImageFeature, cell: int) -> NDArray[np.uint8]:
    """(history, height, width, channels): squares of ``cell`` pixels in random colours; coarse ones pack well."""
    height, width, channels = image.shape
    size = (image.history, -(-height // cell), -(-width // cell), channels)
    coarse = rng.integers(0, 256, size, dtype=np.uint8)
    return coarse.repeat(cell, axis=1).repeat(cell, axis=2)[:, :height, :width]


def _proofs(images: Sequence[ImageFeature], wanted: int) -> int:
    """How many samples are recorded: as many as wanted, but fewer of large pictures."""
    if not images:
        return wanted
    one = sum(image.history * math.prod(image.shape) for image in images)
    return max(2, min(wanted, MOST_PICTURES, MOST_PICTURE_BYTES // one))


def _training_steps(checkpoint: LeRobotCheckpoint) -> int:
    """Steps trained, where LeRobot's training_state lies beside the checkpoint; 0 where it does not."""
    path = checkpoint.directory.parent / "training_state" / "training_step.json"
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
