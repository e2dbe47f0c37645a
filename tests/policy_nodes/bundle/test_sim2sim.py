import pytest
from pydantic import ValidationError

from policy_nodes.bundle.sim2sim import ShiftRow, Sim2Sim

ROW = {"shift": "slippery", "description": "friction times 0.5", "min_success": 0.9, "episodes": 20, "successes": 18}


def row(**changes):
    return ShiftRow.model_validate(ROW | changes)


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({}, True),  # 18 of 20 is exactly 0.9
        ({"successes": 17}, False),
        ({"min_success": 0.0, "successes": 0}, True),
        ({"max_error": 0.2, "error": 0.2}, True),
        ({"max_error": 0.2, "error": 0.2001}, False),
        ({"max_error": 0.2}, False),  # judged, but nothing was measured
        ({"error": 5.0}, True),  # measured, but not judged
    ],
)
def test_a_row_passes_when_success_and_error_are_within_its_thresholds(changes, passed):
    assert row(**changes).passed is passed


def test_the_gate_names_what_failed():
    rows = [row(), row(shift="kick", successes=1), row(shift="late", max_error=0.1, error=0.3)]
    assert Sim2Sim(first_seed=0, policy_sha256="a" * 64, rows=rows).failed == ["kick", "late"]


@pytest.mark.parametrize(
    "changes", [{"successes": 21}, {"min_success": 1.5}, {"episodes": 0}, {"max_error": 0.0}, {"error": float("nan")}]
)
def test_impossible_rows_are_refused(changes):
    with pytest.raises(ValidationError):
        row(**changes)


def test_a_world_counts_once_and_a_gate_has_one():
    with pytest.raises(ValidationError, match="twice"):
        Sim2Sim(first_seed=0, policy_sha256="a" * 64, rows=[row(), row()])
    with pytest.raises(ValidationError):
        Sim2Sim(first_seed=0, policy_sha256="a" * 64, rows=[])
