from pathlib import Path

import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.sim2sim import ShiftRow
from policy_nodes.bundle.write import update_manifest
from policy_nodes.errors import ConfigError
from tests.policy_nodes.bundle_fixture import make_bundle
from training.evaluation.shifted import gait, manipulation
from training.evaluation.shifted.gait import walk
from training.evaluation.shifted.gate import chosen, gate_of, result, row_of
from training.evaluation.shifted.shift import Shift, Trial, scale_friction

GO1 = Path(__file__).parents[4] / "examples" / "go1_velocity_flat.keel"
PANDA = GO1.with_name("panda_pick_place.keel")


def test_a_gait_and_a_task_get_their_own_worlds():
    assert gate_of(load_bundle(GO1)).shifts == gait.SHIFTS
    assert gate_of(load_bundle(PANDA)).shifts == manipulation.SHIFTS


def test_a_bundle_of_an_unknown_task_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="unknown task"):
        gate_of(load_bundle(make_bundle(tmp_path)))


def test_thresholds_in_the_bundle_win(tmp_path):
    bundle = load_bundle(make_bundle(tmp_path, task="panda_pick_place"))
    row = ShiftRow(shift="rough", description="", min_success=0.42, max_error=None, episodes=1, successes=1)
    bundle = update_manifest(bundle, sim2sim=result(bundle, 0, [row]))
    thresholds = {shift.name: shift.min_success for shift in gate_of(bundle).shifts}
    assert thresholds["rough"] == 0.42 and thresholds["nominal"] == 0.95


def test_worlds_are_chosen_by_name_in_the_gate_s_order():
    gate = gate_of(load_bundle(PANDA))
    assert [shift.name for shift in chosen(gate, ("noise", "euler"))] == ["euler", "noise"]
    assert chosen(gate, ()) == gate.shifts
    with pytest.raises(ConfigError, match="windy"):
        chosen(gate, ("windy",))


def test_a_row_counts_successes_pools_errors_and_names_causes():
    trials = [Trial(True, 0.3), Trial(True, 0.4), Trial(False, None, "fell"), Trial(False, 9.0, "fell")]
    row, causes = row_of(Shift("kick", "pushed", min_success=0.5, max_error=0.36), trials)
    assert (row.successes, row.episodes) == (2, 4)
    assert row.error == pytest.approx((0.125) ** 0.5)  # root mean square of 0.3 and 0.4
    assert causes == "2 x fell" and row.passed


def test_the_shipped_gait_walks_in_another_integrator_and_not_on_ice():
    bundle = load_bundle(GO1)
    fine = walk(bundle, gait.SHIFTS[1], seed=1)
    assert fine.success and fine.error is not None and fine.error < 0.2
    ice = walk(bundle, Shift("ice", "", (scale_friction(0.02),)), seed=1)
    assert not ice.success or (ice.error is not None and ice.error > 0.2)


def test_episodes_are_repeatable(monkeypatch):
    monkeypatch.setattr(gait, "WALK_S", 0.5)
    bundle, noisy = load_bundle(GO1), next(shift for shift in gait.SHIFTS if shift.name == "everything")
    assert walk(bundle, noisy, seed=4) == walk(bundle, noisy, seed=4)


@pytest.mark.slow
def test_the_shipped_gait_passes_its_gate():
    bundle = load_bundle(GO1)
    gate = gate_of(bundle)
    rows = [row_of(shift, gate.run(shift, range(50, 60)))[0] for shift in gate.shifts]
    assert result(bundle, 50, rows).failed == []
