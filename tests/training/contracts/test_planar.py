"""What all contracts of planar robots promise, with the numbers of each worked out from its own speed and period."""

import json

import numpy as np
import pytest
import torch

from training.contracts.planar import PlanarPosition, axis_actions, axis_limits, axis_position, axis_safety
from training.contracts.registry import task_contract
from training.simulation import read_features
from training.suites.toys.layouts import LAYOUTS

NAMES = [*(f"toys/{name}" for name in LAYOUTS), "pusht"]


@pytest.fixture(scope="module", params=NAMES)
def contract(request):
    if request.param == "pusht":
        pytest.importorskip("gym_pusht")
    return task_contract(request.param)


def test_a_speed_can_be_turned_round_within_one_period():
    """From +v to -v in dt takes 2 v / dt; and that acceleration is reached from its opposite within one more."""
    (limit,) = axis_limits(["x"], -1.0, 2.0, speed=3.0, dt=0.1)
    assert (limit.name, limit.position_min, limit.position_max) == ("x", -1.0, 2.0)
    assert (limit.velocity, limit.acceleration, limit.jerk) == pytest.approx((3.0, 60.0, 1200.0))


def test_a_position_term_has_one_unit_and_range_per_axis():
    term = axis_position(("a", "b", "c"), -0.5, 1.5, 0.2)
    assert (term.axes, term.unit, term.size) == (["a", "b", "c"], ["m"] * 3, 3)
    assert (term.minimum, term.maximum, term.max_age_s) == ([-0.5] * 3, [1.5] * 3, 0.2)
    assert (term.topic, term.field) == ("/joint_states", "position")


def test_commands_are_positions_on_the_plane():
    chunk = torch.arange(12.0).view(2, 3, 2)
    found = PlanarPosition()(chunk)
    assert found.shape == (2, 3, 3) and torch.equal(found[..., :2], chunk) and bool((found[..., 2] == 0).all())


def test_limits_commands_and_observations_nest(contract):
    """What may be commanded lies inside what may be observed, with a margin for overshoot."""
    (term,) = contract.actions.terms
    state = contract.observations[0].terms[0]
    for joint, low, high, seen_low, seen_high in zip(
        contract.safety.joints, term.minimum, term.maximum, state.minimum, state.maximum, strict=True
    ):
        assert seen_low < low and high < seen_high
        assert joint.position_min <= low < high <= joint.position_max
    assert [joint.name for joint in contract.safety.joints] == list(contract.actions.joints) == list(state.axes)


def test_times_agree(contract):
    period = 1.0 / contract.timing.control_rate_hz
    assert contract.actions.step_s == pytest.approx(period)
    assert contract.make_world().control_dt == pytest.approx(period)
    assert contract.timing.inference_budget_s <= period + 1e-9
    assert set(contract.history.values()) == {(2, 1)}
    assert contract.actions.execution_horizon <= contract.actions.horizon
    assert contract.safety.joint_state_timeout_s == pytest.approx(3 * period)


def test_an_expert_stays_inside_the_contract(contract):
    """A few demonstrated seconds: every observation in range, every command inside the limits of position and speed."""
    world, expert = contract.make_world(), contract.make_expert()
    low = {f.name: np.concatenate([t.minimum for t in f.terms]) for f in contract.observations}
    high = {f.name: np.concatenate([t.maximum for t in f.terms]) for f in contract.observations}
    joints = contract.safety.joints
    for seed in range(2 if contract.name != "pusht" else 1):  # its expert tries a hundred pushes before the first
        world.reset(seed)
        expert.reset(world, seed)
        for _ in range(12 if contract.name != "pusht" else 3):
            for name, value in read_features(world, contract.observations).items():
                assert (value >= low[name]).all() and (value <= high[name]).all(), name
            command = expert.act(world)
            speed = np.abs(command - world.joint_state()[0]) / world.control_dt
            assert all(
                joint.position_min - 1e-9 <= c <= joint.position_max + 1e-9
                for joint, c in zip(joints, command, strict=True)
            )
            assert all(v <= joint.velocity + 1e-6 for joint, v in zip(joints, speed, strict=True))
            world.step(command)


def test_the_encoder_reads_the_contracts_features_in_any_batch(contract):
    encoder = contract.make_encoder()
    values = {f.name: torch.randn(3, f.history, f.size) for f in contract.observations}
    features = encoder(values)
    assert features.shape == (3, encoder.size) and bool(torch.isfinite(features).all())
    one = {name: value[1:2] for name, value in values.items()}
    torch.testing.assert_close(encoder(one), features[1:2])


def test_names_seeds_and_hashes(contract):
    assert contract.variants == {} and contract.variant(7) == ""
    assert len(contract.sha256) == 64 and contract.sha256 == task_contract(contract.name).sha256
    json.dumps(contract.safety.model_dump(mode="json"))  # goes into safety.yaml as it is


def test_the_toys_differ_in_words_and_share_what_weights_depend_on():
    contracts = [task_contract(f"toys/{name}") for name in LAYOUTS]
    assert len({contract.instruction for contract in contracts}) == 3
    assert len({contract.sha256 for contract in contracts}) == 1


def test_targets_are_positions_within_the_workspace():
    spec = axis_actions("pusher", ("x", "y"), 0.0, 0.4, 0.1, (100.0, 20.0))
    (term,) = spec.terms
    assert (term.name, term.mode, term.unit) == ("pusher", "position", ["m", "m"])
    assert (term.minimum, term.maximum) == ([0.0] * 2, [0.4] * 2)
    assert (term.stiffness, term.damping) == ([100.0] * 2, [20.0] * 2)
    assert (spec.horizon, spec.execution_horizon, spec.step_s) == (16, 8, 0.1)
    assert axis_actions("a", ("x",), 0.0, 1.0, 0.1).terms[0].stiffness == [0.0]


def test_a_target_may_jump_across_twice_the_workspace():
    safety = axis_safety(axis_limits(("x", "y"), -0.5, 0.5, 2.0, 0.1), max_age_s=0.3, margin=0.05)
    assert safety.max_command_distance == safety.max_tracking_error == 2.0
    assert safety.position_tolerance == 0.05 and safety.joint_state_timeout_s == 0.3
    assert not safety.limit_jerk_in_motion
