"""``calibration.npz``: thresholds together with everything they depend on. No pickle.

The archive holds ``meta`` (one JSON string), ``cell`` (3,), and per signal ``maxima_<name>`` (n,), the per-rollout
maxima from which the threshold can be recomputed; loading does recompute it and refuses an edited file. Signals that
learned something add ``fitted_<name>.<array>``, other threshold methods ``limits_<name>.<array>``.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.calibration_model import CalibrationArtefact, SignalCalibration
from policy_nodes.monitors.fitted import Fitted

__all__ = ["FILE_NAME", "CalibrationArtefact", "SignalCalibration", "load_artefact", "save_artefact"]

FILE_NAME = "calibration.npz"
MAX_BYTES = 64 * 2**20
ARRAY_GROUPS = ("fitted", "limits")


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
    for source in artefact.signals:
        for group in ARRAY_GROUPS:
            for name, value in getattr(source, group).arrays.items():
                arrays[f"{group}_{source.name}.{name}"] = value
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
                for group in ARRAY_GROUPS:
                    signal[group] = _group(arrays, f"{group}_{signal['name']}.")
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


def _group(arrays: Mapping[str, Any], prefix: str) -> Fitted:
    """Arrays whose names begin with ``prefix``, under the rest of their names."""
    return Fitted({name[len(prefix) :]: arrays[name] for name in arrays if name.startswith(prefix)})
