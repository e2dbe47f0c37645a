"""keel faults: what is chosen, what is refused, what is written, and the exit code."""

import json
from types import SimpleNamespace

import pytest

from policy_nodes.commands import faults
from policy_nodes.commands.faults import Args, _chosen, _header, _phases, _told
from policy_nodes.errors import ConfigError
from policy_nodes.running.campaign.catalogue import CASES
from policy_nodes.running.campaign.rehearsal import PHASES
from tests.policy_nodes.running.campaign.test_rehearsal import PLANT

pytestmark = pytest.mark.pure


@pytest.fixture
def bundle(tmp_path):
    """As much of a bundle as the command's own code asks for."""
    (tmp_path / "manifest.json").write_text("{}")
    timing = SimpleNamespace(control_rate_hz=50.0)
    return SimpleNamespace(
        path=tmp_path, manifest=SimpleNamespace(name="pick_place", timing=timing, terms=[], files={})
    )


def test_names_are_checked_before_anything_runs():
    assert [case.name for case in _chosen(("estop", "joints_nan"))] == ["estop", "joints_nan"]
    assert len(_chosen(())) == len(CASES)
    with pytest.raises(ConfigError, match="joints_nun"):
        _chosen(("joints_nun",))
    assert _phases((), PHASES, None) == list(PHASES)
    assert _phases((), PHASES, 1) == ["start"] and _phases(("all",), PHASES, 1) == list(PHASES)
    assert _phases(("rest", "rest"), PHASES, 1) == ["rest"]
    with pytest.raises(ConfigError, match="carry"):
        _phases(("carry",), PHASES, None)


def test_the_list_needs_no_bundle(tmp_path, capsys):
    assert faults.run(Args(tmp_path, list=True)) == 0
    shown = capsys.readouterr().out
    assert all(f"{name} " in shown for name in CASES)


@pytest.mark.parametrize("slack", [0, 10])
def test_matrix_files_and_exit_code(tmp_path, monkeypatch, bundle, slack):
    """On the test robot; a layer that tolerates more than declared must fail the run."""
    monkeypatch.setattr(faults, "load_bundle", lambda path: bundle)
    plant = PLANT
    monkeypatch.setattr("policy_nodes.running.campaign.plant.plant_of", lambda bundle: plant)
    if slack:
        monkeypatch.setattr("policy_nodes.safety.watch.SignalWatch.reject", lambda self, fault, stamp: fault.reason)
    code = faults.run(Args(tmp_path, only=("joints_nan", "estop"), phases=("rest",), output=tmp_path / "out"))
    found = json.loads((tmp_path / "out/faults.json").read_text())
    assert code == (1 if slack else 0)
    assert [item["passed"] for item in found["verdicts"]] == [not slack, True]
    assert "joints_nan" in (tmp_path / "out/faults.html").read_text()
    assert not list((tmp_path / "out").glob(".*"))


def test_results_say_how_they_were_found(bundle):
    header = _header(bundle, "simulated clock", 1.0, "2 cores")
    assert (header["mode"], header["period_s"], header["conditions"]) == ("simulated clock", 0.02, "2 cores")
    other = SimpleNamespace(path=bundle.path, manifest=bundle.manifest)
    (bundle.path / "manifest.json").write_text('{"name": "another"}')
    assert _header(other, "simulated clock", 1.0, "")["key"] != header["key"]


def test_attempts_are_checked(tmp_path, monkeypatch, bundle):
    monkeypatch.setattr(faults, "load_bundle", lambda path: bundle)
    with pytest.raises(ConfigError, match="--attempts"):
        faults.run(Args(tmp_path, attempts=0))


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([(True, True)], 0),
        ([(True, True), (False, True)], 1),
        ([(True, True), (False, False)], 3),
        ([(False, False)], 1),  # nothing was shown
        ([], 1),
    ],
)
def test_the_exit_code_tells_failed_from_not_carried_out(tmp_path, capsys, verdicts, code):
    items = [{"passed": passed, "carried_out": done} for passed, done in verdicts]
    assert _told(items, tmp_path) == code
    missing = "not carried out" in capsys.readouterr().out
    assert missing == any(not done for _, done in verdicts)
