"""JSON without its ambiguities: no duplicate keys, no NaN, no overflow to infinity, bounded depth."""

from __future__ import annotations

import json
import math
from typing import Any

from policy_nodes.bundle.limits import MAX_JSON_DEPTH


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"key {key[:80]!r} appears twice")
        result[key] = value
    return result


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"number {text[:40]} overflows")
    return value


def _short(text: str) -> int:
    if len(text) > 20:  # int() takes quadratic time where Python does not limit it
        raise ValueError(f"integer {text[:20]}... has {len(text)} digits")
    return int(text)


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the recursive parser meets it; brackets inside strings do not count."""
    depth, in_string, escaped = 0, False, False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            if depth > MAX_JSON_DEPTH:
                raise ValueError(f"nested deeper than {MAX_JSON_DEPTH}")
        elif char in "]}":
            depth -= 1


def parse_json_object(data: bytes) -> dict[str, Any]:
    """Parse one JSON object.

    Args:
        data: UTF-8 text.

    Raises:
        ValueError: not UTF-8, not JSON, a duplicate key, a non-finite number, nested too deep, or not an object; the
            text says which.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    _check_depth(text)
    value = json.loads(
        text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_short
    )
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, found {type(value).__name__}")
    return value
