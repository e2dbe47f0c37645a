"""Reads a LeRobot checkpoint directory: configuration, processor pipelines with their statistics, weights.

A ``pretrained_model`` directory of LeRobot 0.4 to 0.6 holds ``config.json``, ``model.safetensors``,
``policy_preprocessor.json`` and ``policy_postprocessor.json`` with one safetensors file of statistics each. Nothing in
it is executed; unknown processor steps are refused, because what they compute would be lost silently.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from policy_nodes.errors import BundleError
from training.convert.lerobot.normalization import Affine, affine

FAMILIES = ("act", "diffusion")
TRANSPARENT = ("to_batch_processor", "device_processor")
"""Steps that move data without changing it."""
TYPES = ("STATE", "ENV", "VISUAL", "ACTION")


@dataclass(frozen=True)
class Feature:
    """One input or output: LeRobot's key, its kind (``STATE``, ``ENV``, ``VISUAL``, ``ACTION``) and shape."""

    name: str
    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class LeRobotCheckpoint:
    """A checkpoint, read.

    Attributes:
        directory: where it lies.
        family: ``act`` or ``diffusion``.
        config: the policy's configuration as stored.
        inputs: observation features in stored order.
        action: the action feature.
        normalize: by observation feature, what the preprocessor does to it.
        unnormalize: what the postprocessor does to actions.
        passed_through: features that LeRobot does not normalise, with the reason.
    """

    directory: Path
    family: str
    config: dict[str, Any]
    inputs: tuple[Feature, ...]
    action: Feature
    normalize: dict[str, Affine]
    unnormalize: Affine
    passed_through: dict[str, str]

    def weights(self) -> dict[str, Tensor]:
        """State dictionary by LeRobot's parameter names.

        Raises:
            BundleError: the file is missing or damaged.
        """
        return _tensors(self.directory / "model.safetensors")


def read_checkpoint(path: Path) -> LeRobotCheckpoint:
    """Read ``path`` (a ``pretrained_model`` directory, or a directory that contains one).

    Raises:
        BundleError: not a checkpoint of a known family and format, or a feature has no statistics.
    """
    directory = path / "pretrained_model" if (path / "pretrained_model").is_dir() else path
    config = _json(directory / "config.json")
    family = config.get("type")
    if family not in FAMILIES:
        raise BundleError(
            f"'{directory}' holds a LeRobot policy of type '{family}'.", f"Keel converts {' and '.join(FAMILIES)}."
        )
    if not (directory / "policy_preprocessor.json").is_file():
        raise BundleError(
            f"'{directory}' has no policy_preprocessor.json: it was written before LeRobot 0.4, when statistics were "
            "buffers of the model.",
            "migrate it with LeRobot's lerobot.processor.migrate_policy_normalization.",
        )
    inputs = _features(config, "input_features")
    outputs = _features(config, "output_features")
    if [feature.kind for feature in outputs] != ["ACTION"] or len(outputs[0].shape) != 1:
        raise BundleError(
            f"the policy's outputs are {[f.name for f in outputs]}.", "Keel converts policies with one action vector."
        )
    pre = _normalizer(directory, "policy_preprocessor.json", "normalizer_processor")
    post = _normalizer(directory, "policy_postprocessor.json", "unnormalizer_processor")
    passed: dict[str, str] = {}
    normalize = {f.name: _affine(f, *pre, passed) for f in inputs}
    unnormalize = _affine(outputs[0], *post, passed)
    return LeRobotCheckpoint(directory, family, config, inputs, outputs[0], normalize, unnormalize, passed)


def _features(config: dict[str, Any], key: str) -> tuple[Feature, ...]:
    raw = config.get(key)
    if not isinstance(raw, dict) or not raw:
        raise BundleError(
            f"the checkpoint's config.json has no {key}.", "save the policy again with LeRobot 0.4 or newer."
        )
    features = []
    for name, entry in raw.items():
        try:
            feature = Feature(name, str(entry["type"]), tuple(int(size) for size in entry["shape"]))
        except (TypeError, KeyError, ValueError) as error:
            raise BundleError(f"feature '{name}' of {key} is malformed: {error}.", "save the policy again.") from None
        if feature.kind not in TYPES:
            raise BundleError(
                f"feature '{name}' is of type {feature.kind}.", f"Keel converts features of type {', '.join(TYPES)}."
            )
        features.append(feature)
    return tuple(features)


def _normalizer(directory: Path, file: str, wanted: str) -> tuple[dict[str, str], dict[str, Tensor], float]:
    """Normalisation modes by feature type, statistics by ``feature.statistic``, and epsilon of the one such step."""
    found: list[dict[str, Any]] = []
    for step in _json(directory / file).get("steps", []):
        name = step.get("registry_name")
        if name == wanted:
            found.append(step)
        elif name == "rename_observations_processor":
            if step.get("config", {}).get("rename_map"):
                raise BundleError(
                    f"{file} renames observations: {step['config']['rename_map']}.",
                    "save the policy with the names it was trained with, or name the topics by them in the contract.",
                )
        elif name not in TRANSPARENT:
            raise BundleError(
                f"{file} has the step '{name}', which Keel does not know.",
                "remove it from the pipeline if it does not change the numbers.",
            )
    if len(found) != 1:
        raise BundleError(f"{file} has {len(found)} steps '{wanted}'.", "save the policy with exactly one.")
    step = found[0]
    statistics = _tensors(directory / step["state_file"]) if step.get("state_file") else {}
    settings = step.get("config", {})
    return dict(settings.get("norm_map", {})), statistics, float(settings.get("eps", 1e-8))


def _affine(
    feature: Feature, modes: dict[str, str], statistics: dict[str, Tensor], eps: float, passed: dict[str, str]
) -> Affine:
    mode = modes.get(feature.kind, "IDENTITY")
    if mode == "IDENTITY":
        passed[feature.name] = "IDENTITY" if feature.kind in modes else f"no mode for type {feature.kind}"
        return affine("IDENTITY", {}, eps)
    found = {
        key.rpartition(".")[2]: value for key, value in statistics.items() if key.rpartition(".")[0] == feature.name
    }
    if not found:
        raise BundleError(
            f"feature '{feature.name}' has no statistics, though it is normalised with {mode}; LeRobot would silently "
            "pass it through.",
            "save the processors with the statistics of the training dataset.",
        )
    try:
        return affine(mode, found, eps)
    except KeyError as error:
        raise BundleError(
            f"feature '{feature.name}' lacks the statistic {error} that {mode} needs.",
            "recompute the dataset's statistics and save the processors again.",
        ) from None


def _json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(
            f"cannot read '{path}': {error}.", "give a LeRobot checkpoint directory (.../pretrained_model)."
        ) from None
    if not isinstance(raw, dict):
        raise BundleError(f"'{path}' is not a JSON object.", "give a LeRobot checkpoint directory.")
    return raw


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise BundleError(f"cannot read '{path}': {error}.", "copy the whole checkpoint directory.") from None
