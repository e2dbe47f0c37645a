import io
import json

import pytest
from rich.console import Console

from policy_nodes.cli.checks import Check, guarded, passed, print_json, print_table
from policy_nodes.errors import BundleError

pytestmark = pytest.mark.pure

ROWS = [Check("a", "ok", "fine [red]x"), Check("b", "warn", "slow", "hurry")]


def test_guarded():
    def refuse():
        raise BundleError("broken.", "mend")

    def unreadable():
        raise PermissionError(13, "Permission denied", "f")

    assert guarded("x", lambda: "detail") == Check("x", "ok", "detail")
    assert guarded("x", lambda: ROWS[1]) is ROWS[1]
    assert guarded("x", refuse) == Check("x", "fail", "broken.", "mend")
    assert guarded("x", unreadable).status == "fail"


def test_only_failures_fail():
    assert passed([*ROWS, Check("c", "skip", "")])
    assert not passed([*ROWS, Check("c", "fail", "")])


def test_table_shows_findings_as_they_are():
    stream = io.StringIO()
    print_table(ROWS, "title", Console(file=stream))
    text = stream.getvalue()
    assert "fine [red]x" in text
    assert "fix: hurry" in text


def test_json(capsys):
    print_json("here", ROWS)
    value = json.loads(capsys.readouterr().out)
    assert value["subject"] == "here"
    assert value["passed"] is True
    assert value["checks"][1] == {"item": "b", "status": "warn", "detail": "slow", "fix": "hurry"}
