"""docs/safety.md says what the code does: reasons, states, requirements."""

import re
from pathlib import Path

from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.safety.backup import BACKUPS
from policy_nodes.safety.reasons import REASONS
from policy_nodes.safety.supervisor import State

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
CELLS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| ")]


def test_every_reason_has_exactly_its_row() -> None:
    rows = {row[0].strip("`"): row for row in CELLS if len(row) == 6 and row[0].startswith("`")}
    assert set(rows) == {reason.value for reason in REASONS}
    for reason, info in REASONS.items():
        _, found, _, category, latched, fix = rows[reason.value]
        assert (found, fix) == (info.description, info.fix)
        assert category == ("" if info.stop_category is None else str(info.stop_category))
        assert latched == ("yes" if info.latched else "")


def test_every_requirement_names_code_and_a_test_that_exist() -> None:
    rows = [row for row in CELLS if re.fullmatch(r"S-\d\d", row[0])]
    assert [row[0] for row in rows] == [f"S-{k:02d}" for k in range(1, len(rows) + 1)]
    assert len(rows) >= 20
    for _, _, code, proof in rows:
        assert (ROOT / "policy_nodes" / code.strip("`")).is_file(), code
        file, name = proof.strip("`").split("::")
        assert f"def {name}(" in (ROOT / "tests" / "policy_nodes" / file).read_text(encoding="utf-8"), proof


def test_the_number_of_faults_is_that_of_the_catalogue() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    said = re.findall(r"has (\d+) faults of joint states", TEXT) + re.findall(r"\| (\d+) faults against", readme)
    assert said == [str(len(CASES))] * 2


def test_states_and_backups_are_documented() -> None:
    assert all(state.value in TEXT for state in State)
    assert all(f"| `{name}` |" in TEXT for name in BACKUPS)
