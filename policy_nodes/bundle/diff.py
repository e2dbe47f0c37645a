"""What is different between two bundles, ordered by what it would change on the robot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import yaml

from policy_nodes.bundle.files import inspect_graph
from policy_nodes.bundle.flatten import flatten
from policy_nodes.bundle.limits import CALIBRATION_NAME, MONITOR_NAME, POLICY_NAME, SAFETY_NAME
from policy_nodes.bundle.load import Bundle

ABSENT: Final = "(absent)"


class Impact(IntEnum):
    """How a difference shows on the robot; the order of the report."""

    MOTION = 0
    """Other commands for the same measurements, or the same commands for other joints."""
    SAFETY = 1
    """Another envelope, or another reaction."""
    TIMING = 2
    """Other rates, delays or deadlines."""
    INPUT = 3
    """Other topics, or other measurements are refused."""
    MONITOR = 4
    """Other failure alarms."""
    RECORD = 5
    """Nothing moves differently: names, provenance, proof."""


@dataclass(frozen=True)
class Difference:
    """One difference.

    Attributes:
        impact: on the robot.
        path: what differs.
        before: value in the first bundle, ``ABSENT`` where it has none.
        after: value in the second.
    """

    impact: Impact
    path: str
    before: Any
    after: Any


RULES: Final[tuple[tuple[str, Impact], ...]] = (
    (r"actions\.(command_topic|command_type|terms)", Impact.MOTION),
    (r"actions\.(horizon|execution_horizon|step_s)", Impact.TIMING),
    (r"timing\.", Impact.TIMING),
    (r"observations.*\.max_age_s", Impact.TIMING),
    (r"observations.*\.(topic|minimum|maximum)\b", Impact.INPUT),
    (r"observations", Impact.MOTION),
    (r"images.*\.max_age_s", Impact.TIMING),
    (r"images.*\.(topic|frame_id)\b", Impact.INPUT),
    (r"images", Impact.MOTION),
    (r"policy\.parameters", Impact.RECORD),
    (r"policy", Impact.MOTION),
    (re.escape(SAFETY_NAME), Impact.SAFETY),
    (f"({re.escape(MONITOR_NAME)}|{re.escape(CALIBRATION_NAME)})", Impact.MONITOR),
    (r"robot$", Impact.MOTION),
)
"""First match from the start of the path decides; what matches none is only a record."""


def impact_of(path: str) -> Impact:
    """Impact of a difference at a path of ``flatten``, or at a file name and what is in it."""
    return next((impact for pattern, impact in RULES if re.match(pattern, path)), Impact.RECORD)


def compare(first: Bundle, second: Bundle) -> list[Difference]:
    """All differences between two bundles, gravest first; empty when they are the same.

    Raises:
        BundleError: a file changed on disk since the bundle was loaded.
    """
    found = [*_manifests(first, second), *_files(first, second), *_signatures(first, second)]
    return sorted(found, key=lambda item: (item.impact, item.path))


def _paths(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[Difference]:
    for path in dict.fromkeys([*before, *after]):
        old, new = before.get(path, ABSENT), after.get(path, ABSENT)
        if old != new or isinstance(old, bool) != isinstance(new, bool):
            yield Difference(impact_of(prefix + path), prefix + path, old, new)


def _manifests(first: Bundle, second: Bundle) -> Iterator[Difference]:
    exclude = {"files", "digest"}
    before, after = (dict(flatten(b.manifest.model_dump(mode="json", exclude=exclude))) for b in (first, second))
    yield from _paths(before, after)


def _files(first: Bundle, second: Bundle) -> Iterator[Difference]:
    before, after = first.manifest.files, second.manifest.files
    for name in sorted({*before, *after}):
        if before.get(name) == after.get(name):
            continue
        if name == SAFETY_NAME:
            yield from _paths(_yaml(first, name), _yaml(second, name), f"{name}: ")
            continue
        if name.endswith(".onnx") and name in before and name in after:
            yield from _paths(_graph(first, name), _graph(second, name), f"{name}: ")
        impact = Impact.MOTION if name == POLICY_NAME else impact_of(name)
        yield Difference(impact, f"{name} (SHA-256)", before.get(name, ABSENT), after.get(name, ABSENT))


def _yaml(bundle: Bundle, name: str) -> dict[str, Any]:
    """Leaves of a YAML file; its hash where it is no YAML."""
    data = bundle.read(name)
    try:
        return dict(flatten(yaml.safe_load(data)))
    except (yaml.YAMLError, ValueError, TypeError):
        return {"(unreadable, SHA-256)": bundle.manifest.files[name]}


def _graph(bundle: Bundle, name: str) -> dict[str, Any]:
    """What a graph declares, beside its weights."""
    info = inspect_graph(bundle.file(name))
    tensors = {f"{kind}[{t.name}]": list(t.shape) for kind in ("inputs", "outputs") for t in getattr(info, kind)}
    size = {"operators": info.nodes, "weights": info.parameters}
    opsets = {f"operator set[{domain or 'ai.onnx'}]": version for domain, version in info.opsets.items()}
    return tensors | size | opsets | {f"metadata[{key}]": text for key, text in info.metadata.items()}


def _signatures(first: Bundle, second: Bundle) -> Iterator[Difference]:
    before, after = (ABSENT if b.signature is None else b.signature.key_id for b in (first, second))
    if before != after:
        yield Difference(Impact.RECORD, "signature (key)", before, after)


def same_behaviour(differences: list[Difference]) -> bool:
    """Whether nothing but recorded proof and provenance differs, so that the robot would do the same."""
    return all(item.impact is Impact.RECORD for item in differences)
