import io
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from policy_nodes.nodes.operator import StateEvent, View
from policy_nodes.running.console import RunConsole, quiet_launch

pytestmark = pytest.mark.pure

LONG = "policy_node:" + " no plan" * 40


def test_only_news_in_whole_lines():
    screen = io.StringIO()
    console = RunConsole(Console(file=screen, highlight=False, soft_wrap=True))
    view = View()
    session = SimpleNamespace(operator=SimpleNamespace(view=view))
    view.events += [StateEvent(0, "READY", backup="hold"), StateEvent(1, "STOPPED", "ESTOP", "hold", "1", "pressed")]
    view.warnings += [LONG, "safety_node: STOPPED ESTOP hold pressed", "safety_node: [red]odd[/red]"]
    console.news(session)
    console.news(session)
    assert screen.getvalue().splitlines() == [
        "  safety: READY",
        "  safety: STOPPED ESTOP hold pressed",
        f"  {LONG}",
        "  safety_node: [red]odd[/red]",
    ]


def test_the_launcher_speaks_to_a_log_that_exists_only_if_it_spoke(tmp_path, capsys):
    log = tmp_path / "logs" / "launch.log"
    with quiet_launch(log, verbose=False):
        sys.stdout.flush()
    assert not log.parent.exists()
    with quiet_launch(log, verbose=False):
        print("[launch] started")
    assert log.read_text() == "[launch] started\n"
    with quiet_launch(log, verbose=True):
        print("on the screen")
    assert capsys.readouterr().out == "on the screen\n"
