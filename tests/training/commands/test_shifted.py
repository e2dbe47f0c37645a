import json

import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ConfigError
from tests.policy_nodes.bundle_fixture import make_bundle
from training.commands import shifted
from training.commands.evaluate import Args, run
from training.evaluation.shifted.gate import Gate
from training.evaluation.shifted.shift import Shift, Trial

SHIFTS = (Shift("nominal", "as trained"), Shift("kick", "pushed", min_success=0.5))


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A bundle whose gate is two worlds; in ``kick`` every second episode fails."""

    def episodes(shift, seeds):
        return [Trial(shift.name == "nominal" or seed % 2 == 0, None, "fell") for seed in seeds]

    monkeypatch.setattr(shifted, "gate_of", lambda bundle, provider: Gate(SHIFTS, episodes))
    return make_bundle(tmp_path)


def test_a_passed_gate_is_recorded_in_the_bundle_and_in_the_output(bundle, tmp_path, capsys):
    output = tmp_path / "out"
    assert run(Args(bundle, output=output, episodes=4, seed=10, shifted=True, record=True)) == 0
    found = load_bundle(bundle).manifest.sim2sim
    assert found is not None and found.first_seed == 10 and found.failed == []
    assert [(row.shift, row.successes) for row in found.rows] == [("nominal", 4), ("kick", 2)]
    assert json.loads((output / "sim2sim.json").read_text()) == found.model_dump(mode="json")
    assert "passed in all 2 worlds" in capsys.readouterr().out


def test_a_failed_gate_says_where_and_why_and_exits_with_1(bundle, capsys):
    assert run(Args(bundle, episodes=3, seed=11, shifted=True)) == 1  # seeds 11 and 13 fall: 1 of 3
    printed = capsys.readouterr().out
    assert "FAILED in kick" in printed and "2 x fell" in printed
    assert load_bundle(bundle).manifest.sim2sim is None


def test_a_part_of_the_worlds_is_not_recorded(bundle):
    with pytest.raises(ConfigError, match="untried"):
        run(Args(bundle, episodes=1, shifted=True, shifts=("kick",), record=True))


@pytest.mark.parametrize("other", [{"latency": "80"}, {"react": True}, {"videos": 1}, {"latency_sweep": (0.0,)}])
def test_options_that_do_not_go_together_are_refused(bundle, tmp_path, other):
    with pytest.raises(ConfigError, match="--shifted"):
        run(Args(bundle, output=tmp_path / "out", shifted=True, **other))


def test_worlds_without_the_gate_are_refused(bundle):
    with pytest.raises(ConfigError, match="--shifted"):
        run(Args(bundle, shifts=("kick",)))
