import json

from policy_nodes.cli import main
from policy_nodes.cli.checks import Check
from policy_nodes.cli.probes import realtime, rendering
from policy_nodes.commands import doctor

AREAS = (
    "python",
    "packages: runtime",
    "provider: cpu",
    "ros",
    "dds domain",
    "SCHED_FIFO",
    "clock",
    "loop jitter",
    "rendering",
)


def test_every_area_is_examined(monkeypatch, capsys):
    monkeypatch.setattr(rendering, "probe", lambda: Check("rendering", "ok", "drawn"))
    assert main(["doctor", "--seconds", "0.05", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["passed"] is True
    assert set(AREAS) <= {row["item"] for row in value["checks"]}
    assert all(row["fix"] for row in value["checks"] if row["status"] == "warn")


def test_only_what_is_broken_decides_the_exit_code(monkeypatch, capsys):
    verdicts = [Check("a", "warn", "slow", "hurry")]
    monkeypatch.setattr(doctor, "examine", lambda seconds: iter(verdicts))
    assert doctor.run(doctor.Args()) == 0
    verdicts.append(Check("b", "fail", "broken", "mend"))
    assert doctor.run(doctor.Args()) == 1
    assert "fix: mend" in capsys.readouterr().out


def test_the_loop_is_measured_as_long_as_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(realtime, "sample_lateness", lambda seconds: asked.append(seconds) or realtime.np.zeros(10))
    list(realtime.probe(2.5))
    assert asked == [2.5]
