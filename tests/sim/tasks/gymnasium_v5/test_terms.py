"""Reward, health and observation terms of the v5 tasks on hand-made contexts."""

from types import SimpleNamespace

import numpy as np
import pytest

from sim.tasks.gymnasium_v5.ant import ant
from sim.tasks.gymnasium_v5.common import control_cost, uniform_start
from sim.tasks.gymnasium_v5.humanoid import humanoid
from sim.tasks.gymnasium_v5.planar import half_cheetah, hopper, walker2d


def planar_context(task, count=3):
    m = task.model
    return SimpleNamespace(
        qpos=np.tile(m.qpos0, (count, 1)), qvel=np.zeros((count, m.nv)), previous_qpos=np.tile(m.qpos0, (count, 1)),
        actions=np.zeros((count, m.nu), np.float32), step_dt=0.05, rng=np.random.default_rng(0),
    )  # fmt: skip


def spatial_context(task, count=3):
    m, c = task.model, planar_context(task, count)
    shapes = {"xpos": (m.nbody, 3), "xipos": (m.nbody, 3), "cfrc_ext": (m.nbody, 6), "cinert": (m.nbody, 10)}
    shapes |= {"cvel": (m.nbody, 6), "qfrc_actuator": (m.nv,)}
    c.fields = {name: np.zeros((count, *shapes[name])) for name in task.data_fields}
    c.previous_fields = {name: value.copy() for name, value in c.fields.items()}
    c.ctrl = np.zeros((count, m.nu))
    return c


def test_control_cost_sums_squares_per_world():
    assert control_cost(0.5, np.array([[1.0, 2.0], [0.0, 3.0]])).tolist() == [2.5, 4.5]
    assert control_cost(1.0, np.ones((2, 3, 6))).tolist() == [18, 18]


def test_uniform_start_stays_within_the_scale():
    model = walker2d().model
    qpos, qvel = uniform_start(model, 0.2, 500, np.random.default_rng(0))
    assert qpos.shape == (500, model.nq)
    assert np.abs(qpos - model.qpos0).max() <= 0.2
    assert np.abs(qvel).max() <= 0.2
    assert np.abs(qvel).max() > 0.19


@pytest.mark.parametrize("make", [half_cheetah, hopper, walker2d])
def test_forward_reward_is_the_mean_velocity_over_the_step(make):
    task = make()
    c = planar_context(task)
    c.qpos[:, 0] += [0.1, 0.0, -0.2]
    np.testing.assert_allclose(task.rewards(c)["forward"], [2.0, 0.0, -4.0])


@pytest.mark.parametrize(
    ("make", "column", "values", "healthy"),
    [
        (hopper, 1, [0.7, 0.71, 5.0], [False, True, True]),
        (hopper, 2, [0.2, 0.19, -0.21], [False, True, False]),
        (hopper, 4, [100.0, 99.0, -101.0], [False, True, False]),
        (walker2d, 1, [0.8, 1.99, 2.0], [False, True, False]),
        (walker2d, 2, [0.99, 1.0, -1.1], [True, False, False]),
    ],
)
def test_health_intervals_are_open(make, column, values, healthy):
    task = make()
    c = planar_context(task)
    c.qpos[:, 1] = 1.2
    c.qpos[:, column] = values
    assert task.healthy(c).tolist() == healthy
    assert task.terminations(c).tolist() == [not ok for ok in healthy]
    np.testing.assert_allclose(task.rewards(c)["survive"], healthy)


def test_the_hopper_is_unhealthy_at_impossible_velocities_and_observes_clipped_ones():
    task = hopper()
    c = planar_context(task)
    c.qvel[1, 3] = 150.0
    assert task.healthy(c).tolist() == [True, False, True]
    assert task.observations(c)["policy"][1].max() == 10.0


def test_the_cheetah_never_terminates_and_has_no_survival_reward():
    task = half_cheetah()
    c = planar_context(task)
    c.qpos[:, 1] = -100
    assert not task.terminations(c).any()
    assert set(task.rewards(c)) == {"forward", "ctrl"}


def test_the_ants_height_interval_is_closed_and_its_forces_are_clipped():
    task = ant()
    c = spatial_context(task)
    c.qpos[:, 2] = [0.2, 1.0, 1.01]
    c.fields["cfrc_ext"][0, 2] = [5.0, -5.0, 0.5, 0, 0, 0]
    assert task.terminations(c).tolist() == [False, False, True]
    np.testing.assert_allclose(task.rewards(c)["contact"], [-5e-4 * 2.25, 0, 0])
    assert task.observations(c)["policy"].shape == (3, 105)
    assert task.observations(c)["policy"][0, 27 + 6 : 27 + 9].tolist() == [1.0, -1.0, 0.5]


def test_the_ants_velocity_is_that_of_its_torso():
    task = ant()
    c = spatial_context(task)
    c.fields["xpos"][:, 1, 0] = [0.05, 0.0, -0.05]
    c.fields["xpos"][:, 2, 0] = 7.0
    np.testing.assert_allclose(task.rewards(c)["forward"], [1.0, 0.0, -1.0])


def test_the_humanoids_velocity_is_that_of_its_mass_centre_and_its_contact_cost_is_bounded():
    task = humanoid()
    c = spatial_context(task)
    c.fields["xipos"][1, :, 0] = 0.04
    c.fields["cfrc_ext"][2] = 1e4
    c.ctrl[:] = 0.2
    terms = task.rewards(c)
    np.testing.assert_allclose(terms["forward"], [0.0, 1.25 * 0.8, 0.0])
    np.testing.assert_allclose(terms["contact"], [0.0, 0.0, -10.0])
    np.testing.assert_allclose(terms["ctrl"], -0.1 * 17 * 0.04)
    np.testing.assert_allclose(terms["survive"], 5.0)
    assert task.observations(c)["policy"].shape == (3, 348)


def test_unobserved_fields_are_not_gathered():
    task = humanoid(include_cinert_in_observation=False, include_cvel_in_observation=False)
    assert set(task.data_fields) == {"xipos", "qfrc_actuator", "cfrc_ext"}
    assert "cfrc_ext" not in ant(include_cfrc_ext_in_observation=False, contact_cost_weight=0.0).data_fields
