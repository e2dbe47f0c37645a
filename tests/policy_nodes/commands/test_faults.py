"""keel faults: what is chosen, what is refused, what is written, and the exit code."""

import json

import pytest

from policy_nodes.commands import faults
from policy_nodes.commands.faults import Args, _chosen, _phases, _results, _write
from policy_nodes.errors import ConfigError
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.rehearsal import PHASES, rehearse
from tests.policy_nodes.running.campaign.test_rehearsal import PLANT


class Named:
    """As much of a bundle as the command's own code asks for."""

    class manifest:
        name = "pick_place"

        class timing:
            control_rate_hz = 50.0


def test_names_are_checked_before_anything_runs():
    assert [case.name for case in _chosen(("estop", "joints_nan"))] == ["estop", "joints_nan"]
    assert len(_chosen(())) == len(CASES)
    with pytest.raises(ConfigError, match="joints_nun"):
        _chosen(("joints_nun",))
    assert _phases((), PHASES) == list(PHASES)
    with pytest.raises(ConfigError, match="carry"):
        _phases(("carry",), PHASES)


def test_the_list_needs_no_bundle(tmp_path, capsys):
    assert faults.run(Args(tmp_path, list=True)) == 0
    shown = capsys.readouterr().out
    assert all(f"{name} " in shown for name in CASES)


@pytest.mark.parametrize("slack", [0, 10])
def test_matrix_files_and_exit_code(tmp_path, monkeypatch, slack):
    """On the test robot; a layer that tolerates more than declared must fail the run."""
    monkeypatch.setattr(faults, "load_bundle", lambda path: Named)
    plant = PLANT
    monkeypatch.setattr(faults, "plant_of", lambda bundle: plant)
    if slack:
        monkeypatch.setattr("policy_nodes.safety.watch.SignalWatch.reject", lambda self, fault, stamp: fault.reason)
    code = faults.run(Args(tmp_path, only=("joints_nan", "estop"), phases=("rest",), output=tmp_path / "out"))
    found = json.loads((tmp_path / "out/faults.json").read_text())
    assert code == (1 if slack else 0)
    assert [item["passed"] for item in found["verdicts"]] == [not slack, True]
    assert "joints_nan" in (tmp_path / "out/faults.html").read_text()
    assert not list((tmp_path / "out").glob(".*"))


def test_results_say_how_they_were_found(tmp_path):
    verdicts = list(rehearse(PLANT, [CASES["disabled"]], ["rest"]))
    results = _results(Named, Args(tmp_path), 1.0, verdicts)
    assert results["mode"] == "simulated clock" and results["period_s"] == 0.02
    _write(tmp_path, results)
    assert json.loads((tmp_path / "faults.json").read_text())["verdicts"][0]["case"] == "disabled"
