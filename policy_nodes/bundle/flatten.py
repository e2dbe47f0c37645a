"""A manifest as flat paths with labels instead of positions, so that two of them can be laid side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ORDER = "(order)"
_LABELS = ("axes", "joints")


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of a JSON value as (path, value).

    Objects in a list go by their ``name``; numbers in a list go by the axis or joint beside them where the lengths
    agree. ``actions.terms[arm].minimum[panda_joint1]`` therefore names the same thing in both manifests, wherever it
    stands, and the order itself is a leaf of its own: ``actions.terms[arm].joints (order)``.
    """
    if isinstance(value, dict):
        labels = next((value[key] for key in _LABELS if _names(value.get(key))), None)
        for key, item in value.items():
            place = f"{path}.{key}" if path else str(key)
            if key in _LABELS and _names(item):
                yield f"{place} {ORDER}", item
            elif labels and isinstance(item, list) and len(item) == len(labels) and _scalars(item):
                yield from ((f"{place}[{label}]", entry) for label, entry in zip(labels, item, strict=True))
            else:
                yield from flatten(item, place)
    elif isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        yield f"{path} {ORDER}", [item["name"] for item in value]
        for item in value:
            yield from flatten({k: v for k, v in item.items() if k != "name"}, f"{path}[{item['name']}]")
    elif isinstance(value, list) and not _scalars(value):
        for index, item in enumerate(value):
            yield from flatten(item, f"{path}[{index}]")
    else:
        yield path, value


def _scalars(items: list[Any]) -> bool:
    return not any(isinstance(item, (dict, list)) for item in items)


def _names(item: Any) -> bool:
    return isinstance(item, list) and all(isinstance(entry, str) for entry in item)
