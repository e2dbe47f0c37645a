"""Options and surroundings at their edges: nothing that ran is lost, and nothing odd is taken in silence."""

import io
import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from policy_nodes.bundle.diff import Difference, Impact
from policy_nodes.cli.checks import Check, print_table
from policy_nodes.cli.probes import ros
from policy_nodes.commands import diff, faults, run
from policy_nodes.commands.diff import _short
from policy_nodes.errors import ConfigError
from policy_nodes.nodes.trace import SECOND_NS, Trace
from policy_nodes.running import results as results_module
from policy_nodes.running import session as session_module
from policy_nodes.running.results import loop_records, write_results

pytestmark = pytest.mark.pure

ODD = "[red]x[/b] [/]"


@pytest.mark.parametrize(("text", "domain"), [("", 0), (" ", 0), ("17", 17), (" 17 ", 17)])
def test_a_run_in_an_empty_domain_variable_keeps_its_results(monkeypatch, tmp_path, text, domain):
    """``ROS_DOMAIN_ID=`` is domain 0, as for every node; it must not fail after the run, when all is to be written."""
    monkeypatch.setenv("ROS_DOMAIN_ID", text)
    written = {}
    operator = SimpleNamespace(view=SimpleNamespace(diagnostics={}), pause=lambda *_: None)
    session = SimpleNamespace(operator=operator, require_ready=lambda: None, check_processes=None)

    @contextmanager
    def opened(*_args, **_kwargs):
        yield session

    def write(directory, bundle, **found):
        written.update(found)
        return {"episodes": [], "faults": []}

    monkeypatch.setattr(session_module, "open_session", opened)
    monkeypatch.setattr(results_module, "write_results", write)
    monkeypatch.setattr(run, "_act", lambda *_: None)
    monkeypatch.setattr(run, "launch_arguments", lambda *_: {"record": "true"})
    bundle = SimpleNamespace(manifest=SimpleNamespace(terms=[]))
    assert run._run(run.Args(Path("x.keel"), sim=True, episodes=1), bundle, "rosless", tmp_path) == 0
    assert written["domain"] == domain and written["stack"] == "rosless"


def test_foreign_nodes_are_named_with_the_domain(monkeypatch, tmp_path):
    class Operator:
        def __init__(self, *_):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def foreign_nodes(self):
            return ["/arm", "/leg"]

    monkeypatch.setenv("ROS_DOMAIN_ID", "")
    monkeypatch.setattr(session_module, "Operator", Operator)
    monkeypatch.setattr(session_module, "joint_state_topic", lambda _: "/joint_states")
    bundle = SimpleNamespace(manifest=SimpleNamespace(actions=SimpleNamespace(joints=())))
    with (
        pytest.raises(session_module.RunError, match="ROS domain 0 is in use: /arm, /leg") as caught,
        session_module.open_session(bundle, tmp_path / "x.yaml", {}, tmp_path / "logs"),
    ):
        pass
    assert "--domain" in caught.value.fix and not (tmp_path / "logs").exists()


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_reaction_time_of_nothing_is_refused_before_anything_runs(monkeypatch, tmp_path, value):
    monkeypatch.setattr(faults, "load_bundle", lambda path: SimpleNamespace(path=path))
    with pytest.raises(ConfigError, match=r"--reaction-periods is"):
        faults.run(faults.Args(tmp_path / "x.keel", reaction_periods=value, output=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("value", "status"), [("1", "fail"), ("true", "fail"), ("0", "ok"), ("", "ok")])
def test_the_doctor_requires_ros_where_the_nodes_do(value, status):
    check = ros.stack({"KEEL_REQUIRE_ROS": value}, has_rclpy=False, has_cyclonedds=True)
    assert check.status == status
    assert status == "ok" or f"KEEL_REQUIRE_ROS={value}," in check.detail


def test_tables_show_names_with_brackets_as_they_are(capsys):
    stream = io.StringIO()
    print_table([Check(ODD, "fail", ODD, ODD)], f"keel verify /tmp/{ODD}.keel", Console(file=stream, width=200))
    assert stream.getvalue().count(ODD) == 4
    args = diff.Args(Path(f"a{ODD}.keel".replace("/", "")), Path("[bold]b.keel"))
    diff._print(args, [Difference(Impact.SAFETY, f"limits[{ODD}]", ODD, None)])
    shown = capsys.readouterr().out
    assert f"limits[{ODD}]" in shown and "[bold]b.keel" in shown and "[red]x[b] [].keel" in shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 64, f"{'a' * 16}..."), ("g" * 64, "g" * 64), ("x" * 201, f"{'x' * 200}..."), (None, "null"),
        ([1, 2.5], "[1, 2.5]"), ({"k": True}, '{"k": true}'), (0.1, "0.1"), ("", ""),
    ],
)  # fmt: skip
def test_values_on_one_line(value, text):
    assert _short(value) == text


def test_timing_is_told_in_microseconds_and_only_when_complete():
    tick = {f"tick {q} (ms)": str(value) for q, value in (("p50", 0.5), ("p99", 1.25), ("p999", 2.0), ("max", 4.0))}
    found = loop_records({"safety_node": {**tick, "loop ticks": "100", "loop overruns": "3"}})
    assert found == {
        "safety_node tick duration": {
            "p50_us": 500.0, "p99_us": 1250.0, "p999_us": 2000.0, "max_us": 4000.0, "ticks": 100, "overruns": 3,
        }
    }  # fmt: skip
    assert loop_records({"safety_node": {"tick p50 (ms)": "1"}, "policy_node": {}}) == {}
    assert loop_records({"safety_node": tick})["safety_node tick duration"]["ticks"] == 0


def test_without_a_trace_there_are_no_results(tmp_path):
    (tmp_path / "trace.npz").touch()  # but no events
    with pytest.raises(ConfigError, match="left no trace") as caught:
        write_results(tmp_path, None, stack="", domain=0, episodes=[], faults=[], diagnostics={})
    assert "recorder_node.log" in caught.value.fix and [p.name for p in tmp_path.iterdir()] == ["trace.npz"]


def test_late_samples_are_written_where_they_belong(tmp_path):
    trace = Trace(["a"], 0.02, [])
    for stamp, value in ((2, 20.0), (1, 10.0), (3, 30.0), (1, 11.0)):
        trace.keep("command", stamp * SECOND_NS, np.array([value]))
        trace.keep_scores(stamp * SECOND_NS, {"rnd": value})
    trace.save(tmp_path)
    with np.load(tmp_path / "trace.npz") as found:
        assert found["t0_ns"] == SECOND_NS and found["command_t"].tolist() == [0.0, 0.0, 1.0, 2.0]
        assert found["command"][:, 0].tolist() == [10.0, 11.0, 20.0, 30.0]
        assert found["score_rnd"].tolist() == [10.0, 11.0, 20.0, 30.0] and found["score_t"].tolist() == [0, 0, 1, 2]
    assert json.loads((tmp_path / "events.json").read_text())["t0_ns"] == SECOND_NS
