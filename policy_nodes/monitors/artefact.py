"""``calibration.npz``: thresholds together with everything they depend on. No pickle.

The archive holds ``meta`` (one JSON string), ``cell`` (3,), and per signal ``maxima_<name>`` (n,), the per-rollout
maxima from which the threshold can be recomputed; loading does recompute it and refuses an edited file.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.conformal import conformal_rank, rank_threshold
from policy_nodes.monitors.interface import PolicyIdentity

FILE_NAME = "calibration.npz"
MAX_BYTES = 64 * 2**20
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Positive = Annotated[FiniteFloat, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignalCalibration(_Strict):
    """One signal.

    Attributes:
        name: score name (``rnd``, ``entropy``).
        window: calls summed.
        threshold: of the windowed sum, by the rank rule.
        maxima: windowed maximum of every successful calibration rollout, in recording order.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    window: Count
    threshold: Positive
    maxima: Annotated[list[Positive], Field(min_length=1, max_length=1_000_000)]


class CalibrationArtefact(_Strict):
    """What a failure predictor knows about itself.

    Attributes:
        method: family of the predictor.
        threshold_method: only the rank rule may stop a robot.
        combination: of the signals' normalised scores.
        policy_sha256: of the calibrated ``policy.onnx``.
        monitor_sha256: of the ``monitor.onnx`` whose distances were calibrated; None until it is exported.
        samples: chunks per call, B.
        horizon: H.
        action_size: A.
        embedding_size: E.
        channels: what the three position channels are, in order.
        cell: (3,) entropy cell, m.
        cell_factor: share of the range that gave ``cell``.
        score_offset: added to every score.
        quantile: q.
        n: successful rollouts behind the thresholds; these trained nothing when ``disjoint``.
        training_rollouts: rollouts that trained the networks and set the cell.
        failed_rollouts: recorded failures, never used for a threshold.
        disjoint: training and calibration rollouts do not overlap, which the guarantee needs.
        seed: of the split and the networks.
        date: UTC, ISO 8601.
        versions: of the libraries involved.
        signals: at least one.
    """

    schema_version: Literal[1] = 1
    method: Literal["fiper"] = "fiper"
    threshold_method: Literal["constant_rank"] = "constant_rank"
    combination: Literal["and", "or"] = "and"
    policy_sha256: Sha256
    monitor_sha256: Sha256 | None = None
    samples: Count
    horizon: Count
    action_size: Count
    embedding_size: Count
    channels: Annotated[list[str], Field(min_length=3, max_length=3)]
    cell: Annotated[list[Positive], Field(min_length=3, max_length=3)]
    cell_factor: Positive
    score_offset: Annotated[FiniteFloat, Field(ge=0)]
    quantile: Annotated[float, Field(gt=0, lt=1)]
    n: Count
    training_rollouts: Annotated[int, Field(ge=0)]
    failed_rollouts: Annotated[int, Field(ge=0)]
    disjoint: bool
    seed: int
    date: str
    versions: dict[str, str]
    signals: Annotated[list[SignalCalibration], Field(min_length=1, max_length=16)]

    @property
    def identity(self) -> PolicyIdentity:
        """The policy and sampling that these thresholds are valid for."""
        return PolicyIdentity(self.policy_sha256, self.samples, self.horizon, self.action_size, self.embedding_size)

    @property
    def rank(self) -> int:
        """Which of the n sorted maxima is the threshold."""
        return conformal_rank(self.n, self.quantile)

    def check(self) -> None:
        """Recompute every threshold from its maxima.

        Raises:
            CalibrationError: they disagree, or n is too small.
        """
        for signal in self.signals:
            if len(signal.maxima) != self.n or rank_threshold(signal.maxima, self.quantile) != signal.threshold:
                raise CalibrationError(
                    f"threshold of '{signal.name}' is not the rank-{self.rank} maximum of its {self.n} rollouts.",
                    "the file was edited; run keel calibrate again.",
                )


def save_artefact(artefact: CalibrationArtefact, path: str | os.PathLike[str]) -> None:
    """Write ``path`` atomically.

    Raises:
        CalibrationError: the artefact contradicts itself.
    """
    artefact.check()
    path = Path(path)
    meta: dict[str, Any] = artefact.model_dump()
    arrays: dict[str, Any] = {"cell": np.asarray(meta.pop("cell"), np.float64)}
    for signal in meta["signals"]:
        arrays[f"maxima_{signal['name']}"] = np.asarray(signal.pop("maxima"), np.float64)
    arrays["meta"] = np.array(json.dumps(meta, sort_keys=True, allow_nan=False))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, **arrays)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def load_artefact(path: str | os.PathLike[str]) -> CalibrationArtefact:
    """Read and check ``path``.

    Raises:
        CalibrationError: missing, corrupt, edited, of another schema version, or needing pickle.
    """
    path = Path(path)
    if not path.is_file():
        raise CalibrationError(f"'{path}' does not exist.", "run keel calibrate on the bundle.")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"it unpacks to more than {MAX_BYTES >> 20} MiB")
        with np.load(path, allow_pickle=False) as arrays:
            meta = json.loads(str(arrays["meta"]))
            meta["cell"] = arrays["cell"].tolist()
            for signal in meta["signals"]:
                signal["maxima"] = arrays[f"maxima_{signal['name']}"].tolist()
        artefact = CalibrationArtefact.model_validate(meta)
    except ValidationError as error:
        first = error.errors()[0]
        item = ".".join(str(part) for part in first["loc"])
        raise CalibrationError(f"'{path}': {item}: {first['msg']}.", "run keel calibrate again.") from error
    except Exception as error:  # zipfile, zlib, numpy and json each have their own ways to reject bytes.
        raise CalibrationError(
            f"'{path}' is not a calibration artefact: {type(error).__name__} {str(error)[:200]}.",
            "run keel calibrate again.",
        ) from error
    artefact.check()
    return artefact
