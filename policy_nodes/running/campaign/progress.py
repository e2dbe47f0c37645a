"""Results of a campaign on disk after every trial, so that an interrupted one goes on; and how long it will take."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from policy_nodes.errors import ConfigError
from policy_nodes.running.campaign.case import Case, Shows
from policy_nodes.running.campaign.page import page
from policy_nodes.running.campaign.verdict import Verdict

START_S = 12.0
"""Start of the nodes, on a quiet machine."""
REVIVE_S = 6.0
STOP_S, TOLERATE_S, DISTANCE_S = 3.5, 4.0, 5.5
"""A trial that ends in a stop, one that does not, one that shows by the distance travelled: measured, with 2 cores."""


def estimate_s(plan: Sequence[tuple[Case, str]], starts: int) -> float:
    """How long a live campaign takes on a quiet machine, s."""
    seconds = START_S * starts
    for case, _ in plan:
        seconds += DISTANCE_S if case.shows is Shows.DISTANCE else TOLERATE_S if case.tolerated else STOP_S
        seconds += REVIVE_S if case.kills else 0.0
    return seconds


def spoken(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


class Results:
    """``faults.json`` and ``faults.html`` of one campaign; written whole after every verdict.

    Args:
        directory: that holds them.
        header: everything but the verdicts; ``key`` tells campaigns apart.
        resume: keep what an interrupted run of the same campaign carried out.

    Raises:
        ConfigError: ``resume``, and the directory has results of another campaign.
    """

    def __init__(self, directory: Path, header: Mapping[str, Any], resume: bool = False) -> None:
        self._directory, self._header = directory, dict(header)
        self.verdicts: list[dict[str, Any]] = []
        path = directory / "faults.json"
        if not resume or not path.is_file():
            return
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            kept = [item for item in found["verdicts"] if item.get("carried_out", True)]
            same = found["key"] == self._header["key"]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"cannot resume from '{path}': {error!r}.", "leave --resume out.") from error
        if not same:
            raise ConfigError(f"'{path}' is of another campaign.", "leave --resume out, or give another --output.")
        self.verdicts = kept

    def has(self, case: Case, phase: str) -> bool:
        """Whether a trial has been carried out."""
        return any((item["case"], item["phase"]) == (case.name, phase) for item in self.verdicts)

    def add(self, verdict: Verdict) -> None:
        """Keep a verdict; both files say so at once."""
        self.verdicts.append(verdict.to_dict())
        self.write()

    def say(self, **more: Any) -> None:
        """Add to what the report says beside the verdicts."""
        self._header.update(more)

    def to_dict(self) -> dict[str, Any]:
        """What ``faults.json`` holds."""
        return {**self._header, "verdicts": self.verdicts}

    def write(self) -> None:
        """Write both files, each whole or not at all."""
        results = self.to_dict()
        for name, text in (("faults.json", json.dumps(results, indent=1)), ("faults.html", page(results))):
            temporary = self._directory / f".{name}.{os.getpid()}.tmp"
            try:
                temporary.write_text(text, encoding="utf-8")
                temporary.replace(self._directory / name)
            finally:
                temporary.unlink(missing_ok=True)
