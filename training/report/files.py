"""Read the files of a run without trusting them, and write the page in one step."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from policy_nodes.bundle.strict_json import parse_json_object
from policy_nodes.errors import KeelError
from training.atomic import write_file

Model = TypeVar("Model", bound=BaseModel)


class ReportError(KeelError):
    """A run cannot be reported: nothing was recorded, or a recorded file is damaged."""


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])


def read_json(path: Path, model: type[Model], fix: str) -> Model:
    """Read one JSON object and validate it.

    Args:
        path: the file.
        model: pydantic schema.
        fix: what to tell the user when the file is damaged.

    Raises:
        ReportError: the file cannot be read, is not JSON, or does not match the schema; names the file and the field.
    """
    try:
        return model.model_validate(parse_json_object(path.read_bytes()))
    except ValidationError as error:
        raise ReportError(f"{path}: {_first_problem(error)}.", fix) from None
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: {error}.", fix) from None


def read_jsonl(path: Path, model: type[Model], fix: str) -> list[Model]:
    """Read one JSON object per line and validate each; blank lines are skipped.

    Raises:
        ReportError: as :func:`read_json`, naming the line as well.
    """
    records = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ReportError(f"{path}: {error}.", fix) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append(model.model_validate(parse_json_object(line)))
        except ValidationError as error:
            raise ReportError(f"{path}, line {number}: {_first_problem(error)}.", fix) from None
        except ValueError as error:
            raise ReportError(f"{path}, line {number}: {error}.", fix) from None
    return records


def read_npz(path: Path, fix: str) -> dict[str, np.ndarray]:
    """Read every array of an ``.npz``; pickled objects are refused.

    Raises:
        ReportError: the archive or one of its arrays is damaged; names the file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise ReportError(f"{path}: not a readable .npz archive ({error}).", fix) from None


def npz_meta(arrays: dict[str, np.ndarray], path: Path, fix: str) -> dict[str, Any]:
    """The JSON object in the string array ``meta`` of an ``.npz``; empty when there is none.

    Raises:
        ReportError: ``meta`` is not a JSON object.
    """
    if "meta" not in arrays or not arrays["meta"].size:
        return {}
    try:
        value = json.loads(str(np.ravel(arrays["meta"])[0]))
    except ValueError as error:
        raise ReportError(f"{path}: 'meta' is not JSON ({error}).", fix) from None
    if not isinstance(value, dict):
        raise ReportError(f"{path}: 'meta' is not a JSON object.", fix)
    return value


def write_text_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text to a temporary name beside ``path`` and rename it, so that readers never see half a page.

    Raises:
        ReportError: the folder is missing or not writable.
    """
    fix = "choose a writable --output path."
    if not path.parent.is_dir():
        raise ReportError(f"cannot write {path}: its folder does not exist.", fix)
    try:
        write_file(path, text)
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror}.", fix) from None
