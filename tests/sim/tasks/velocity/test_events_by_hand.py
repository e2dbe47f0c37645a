"""Start states as rigid-body states, and events with their clocks, at the edges."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sim.tasks.velocity.commands import apply_deadband, draw_commands
from sim.tasks.velocity.config import CommandConfig, ResetConfig, TerminationConfig
from sim.tasks.velocity.events import due, kick, start_states, steps_until
from sim.tasks.velocity.frames import projected_gravity, quat_from_euler, rotate_to_body, rotate_to_world
from sim.tasks.velocity.mirror import Mirror, concatenate, joints
from sim.tasks.velocity.terminations import base_touches, has_fallen, tipped_over, too_low

POSE = np.linspace(-1.0, 1.0, 12)


def scipy_of(quat_wxyz):
    return Rotation.from_quat(np.roll(quat_wxyz, -1, axis=1))


def test_start_headings_cover_the_configured_range():
    config = ResetConfig(yaw=(0.5, 0.7), tilt=0.1)
    qpos, _ = start_states(config, POSE, 0.3, 400, np.random.default_rng(1))
    yaw, pitch, roll = scipy_of(qpos[:, 3:7]).as_euler("ZYX").T
    assert 0.5 <= yaw.min() < 0.52 and 0.68 < yaw.max() <= 0.7
    assert np.abs(pitch).max() <= 0.1 and np.abs(roll).max() <= 0.1


def test_a_tilted_robot_starts_higher_by_the_drop_of_its_lowest_corner():
    config = ResetConfig(tilt=0.2, height_margin=0.02)
    qpos, _ = start_states(config, POSE, 0.3, 400, np.random.default_rng(2))
    corners = np.array([[x, y, 0.0] for x in (-0.19, 0.19) for y in (-0.05, 0.05)])
    lowest = np.array([r.apply(corners)[:, 2].min() for r in scipy_of(qpos[:, 3:7])])
    assert (qpos[:, 2] + lowest >= 0.32 - 1e-3).all()


def test_no_robots_no_states():
    qpos, qvel = start_states(ResetConfig(), POSE, 0.3, 0, np.random.default_rng(0))
    assert qpos.shape == (0, 19) and qvel.shape == (0, 18)
    assert kick(1.0, 1.0, 0, np.random.default_rng(0)).shape == (0, 6)


def test_kicks_are_uniform_in_size_and_not_in_area():
    speed = np.linalg.norm(kick(2.0, 0.0, 4000, np.random.default_rng(0))[:, :2], axis=1)
    np.testing.assert_allclose(np.quantile(speed, [0.25, 0.5, 0.75]), [0.5, 1.0, 1.5], atol=0.06)
    assert not kick(0.0, 0.0, 5, np.random.default_rng(0)).any()


@pytest.mark.parametrize(
    ("seconds", "steps"), [((0.0, 0.0), 1), ((0.009, 0.009), 1), ((0.031, 0.031), 2), ((5.0, 5.0), 250)]
)
def test_times_become_steps(seconds, steps):
    assert steps_until(seconds, 0.02, 2, np.random.default_rng(0)).tolist() == [steps, steps]


def test_a_countdown_that_nobody_set_anew_stays_due():
    left = np.array([1, 3])
    assert [due(left).tolist() for _ in range(4)] == [[0], [0], [0, 1], [0, 1]]


@pytest.mark.parametrize("seed", range(3))
def test_rotations_agree_with_scipy(seed):
    rng = np.random.default_rng(seed)
    r, v = Rotation.random(20, rng), rng.normal(size=(20, 3))
    wxyz = np.roll(r.as_quat(), 1, axis=1)
    np.testing.assert_allclose(rotate_to_world(wxyz, v), r.apply(v), atol=1e-12)
    np.testing.assert_allclose(rotate_to_body(wxyz, v), r.inv().apply(v), atol=1e-12)
    np.testing.assert_allclose(projected_gravity(wxyz), r.inv().apply([0, 0, -1]), atol=1e-12)
    np.testing.assert_allclose(rotate_to_body(wxyz, np.array([0.0, 0.0, -1.0])), projected_gravity(wxyz), atol=1e-12)


def test_euler_angles_are_intrinsic_zyx_and_single_precision_stays_single():
    roll, pitch, yaw = np.array([[0.3, -1.0], [0.2, 0.4], [2.0, -3.0]])
    wxyz = quat_from_euler(roll, pitch, yaw)
    expected = Rotation.from_euler("ZYX", np.stack([yaw, pitch, roll], axis=1))
    np.testing.assert_allclose(np.abs((np.roll(wxyz, -1, axis=1) * expected.as_quat()).sum(axis=1)), 1.0)
    single = wxyz.astype(np.float32)
    assert rotate_to_body(single, np.ones((2, 3), np.float32)).dtype == projected_gravity(single).dtype == np.float32


def test_shares_of_commands():
    config = CommandConfig(standing_share=0.25, straight_share=0.5, deadband=0.0)
    commands = draw_commands(config, 8000, np.random.default_rng(0))
    still = ~commands.any(axis=1)
    straight = (commands[:, 0] != 0) & ~commands[:, 1:].any(axis=1)
    assert still.mean() == pytest.approx(0.25, abs=0.02) and straight.mean() == pytest.approx(0.5, abs=0.02)
    assert commands.dtype == np.float32


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ((0.06, 0.08, 0.0), True),  # exactly the dead band is no longer small
        ((0.06, 0.079, 0.0), False), ((0.0, 0.0, -0.1), True), ((0.0, 0.0, -0.099), False), ((0.05, 0.05, 0.05), False),
    ],
)  # fmt: skip
def test_the_dead_band_is_a_circle_and_a_strip(command, kept):
    found = apply_deadband(np.array([command]), 0.1)
    assert found.any() == kept and (not kept or found[0].tolist() == list(command))


def test_falls_at_their_limits():
    assert base_touches(np.array([1.0, 1.1]), 1.0).tolist() == [False, True]
    tilts = np.array([0.79, 0.81])
    gravity = np.stack([np.sin(tilts), np.zeros(2), -np.cos(tilts)], axis=1)
    assert tipped_over(gravity, 0.8).tolist() == [False, True]
    assert tipped_over(np.array([[0.0, 0.0, 1.0]]), 0.8).tolist() == [True]  # on its back
    assert too_low(np.array([0.2, 0.19]), 0.2).tolist() == [False, True]


def test_any_reason_is_a_fall():
    class State:
        base_force = np.array([99.0, 0.0, 0.0, 0.0])
        gravity = np.array([[0, 0, -1.0], [0, 1.0, 0], [0, 0, -1.0], [0, 0, -1.0]])
        height = np.array([0.3, 0.3, 0.0, 0.3])

    config = TerminationConfig(base_force=1.0, tilt=0.8, height=0.1)
    assert has_fallen(State, config).tolist() == [True, True, True, False]


def test_mirrors_of_parts_and_of_joints():
    legs = ("FL_hip", "FL_knee", "FR_hip", "FR_knee")
    mirror = joints(legs, (("FL", "FR"),), ("hip",))
    assert mirror(np.array([1.0, 2.0, 3.0, 4.0])).tolist() == [-3.0, 4.0, -1.0, 2.0]
    both = concatenate(mirror, Mirror(np.array([1, 0]), np.array([1, -1], dtype=np.float32)))
    assert both(np.array([1.0, 2, 3, 4, 5, 6])).tolist() == [-3, 4, -1, 2, 6, -5]
    with pytest.raises(ValueError, match="FR_arm"):
        joints(("FL_arm",), (("FL", "FR"),), ())
