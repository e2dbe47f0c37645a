"""Drawn parameters arrive in each world's model, and only there."""

from __future__ import annotations

from dataclasses import fields

import mujoco
import numpy as np
import pytest

from sim.errors import RobotModelError
from sim.randomization.model import ModelRandomization, randomized_models
from sim.randomization.ranges import RandomizationError
from sim.robots import go1
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.scene import build_model

NONE = dict.fromkeys((f.name for f in fields(ModelRandomization) if not f.name.endswith("_scale")), (0.0, 0.0)) | (
    dict.fromkeys((f.name for f in fields(ModelRandomization) if f.name.endswith("_scale")), (1.0, 1.0))
)
"""Ranges that change nothing but friction, which has no neutral value."""


@pytest.fixture(scope="module")
def nominal() -> mujoco.MjModel:
    return build_model(go1_robot(), VelocityConfig())


def _one(nominal: mujoco.MjModel, **ranges: tuple[float, float]) -> mujoco.MjModel:
    config = ModelRandomization(**(NONE | {"joint_friction": (0.1, 0.1)} | ranges))
    models, _ = randomized_models(nominal, "trunk", config, 1, np.random.default_rng(0))
    return models[0]


def test_payload_mass_and_inertia(nominal: mujoco.MjModel) -> None:
    trunk = nominal.body("trunk").id
    model = _one(nominal, payload=(2.0, 2.0))
    assert model.body_mass[trunk] == pytest.approx(nominal.body_mass[trunk] + 2.0)
    ratio = model.body_mass[trunk] / nominal.body_mass[trunk]
    np.testing.assert_allclose(model.body_inertia[trunk], nominal.body_inertia[trunk] * ratio)
    np.testing.assert_allclose(np.delete(model.body_mass, trunk), np.delete(nominal.body_mass, trunk))
    scaled = _one(nominal, mass_scale=(1.1, 1.1))
    np.testing.assert_allclose(np.delete(scaled.body_mass, trunk), 1.1 * np.delete(nominal.body_mass, trunk))
    assert scaled.body_mass[trunk] == pytest.approx(nominal.body_mass[trunk])


def test_derived_constants_are_refreshed(nominal: mujoco.MjModel) -> None:
    heavier = _one(nominal, payload=(2.0, 2.0))
    assert heavier.body_subtreemass[0] == pytest.approx(nominal.body_subtreemass[0] + 2.0)
    assert heavier.dof_invweight0[2] < nominal.dof_invweight0[2]


def test_strength_scales_gains_and_limits(nominal: mujoco.MjModel) -> None:
    model = _one(nominal, strength_scale=(0.5, 0.5), stiffness_scale=(1.2, 1.2), damping_scale=(2.0, 2.0))
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], 0.6 * go1.STIFFNESS)
    np.testing.assert_allclose(model.actuator_biasprm[:, 1], -0.6 * go1.STIFFNESS)
    np.testing.assert_allclose(model.actuator_biasprm[:, 2], -go1.DAMPING)
    np.testing.assert_allclose(model.actuator_forcerange[:, 1], 0.5 * go1.EFFORT_LIMITS)


def test_joints_friction_com_and_gravity(nominal: mujoco.MjModel) -> None:
    model = _one(
        nominal, friction=(0.3, 0.3), armature_scale=(1.2, 1.2), joint_friction=(0.25, 0.25), base_com=(0.02, 0.02),
        gravity=(0.1, 0.1),
    )  # fmt: skip
    np.testing.assert_allclose(model.geom_friction[:, 0], 0.3)
    np.testing.assert_allclose(model.dof_armature[6:], 1.2 * go1.ARMATURE)
    np.testing.assert_allclose(model.dof_frictionloss[6:], 0.25)
    trunk = nominal.body("trunk").id
    np.testing.assert_allclose(model.body_ipos[trunk], nominal.body_ipos[trunk] + 0.02)
    np.testing.assert_allclose(model.opt.gravity, [0.1, 0.1, -9.71])


def test_every_value_is_recorded_and_reaches_its_own_world(nominal: mujoco.MjModel) -> None:
    before = nominal.body_mass.copy()
    models, sampled = randomized_models(nominal, "trunk", ModelRandomization(), 6, np.random.default_rng(1))
    assert set(sampled) == {f.name for f in fields(ModelRandomization)}
    assert len({id(model) for model in models}) == 6
    for i, model in enumerate(models):
        assert model.geom_friction[0, 0] == pytest.approx(sampled["friction"][i])
        assert model.body("trunk").mass[0] == pytest.approx(before[1] + sampled["payload"][i])
    np.testing.assert_array_equal(nominal.body_mass, before)


def test_fewer_models_than_worlds_are_shared_by_neighbours(nominal: mujoco.MjModel) -> None:
    models, sampled = randomized_models(nominal, "trunk", ModelRandomization(), 6, np.random.default_rng(1), distinct=2)
    assert [id(model) == id(models[0]) for model in models] == [True, True, True, False, False, False]
    assert len(set(sampled["friction"].tolist())) == 2
    assert models[5].geom_friction[0, 0] == pytest.approx(sampled["friction"][5])


def test_impossible_payloads_and_unknown_bodies(nominal: mujoco.MjModel) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(RandomizationError, match="payload"):
        randomized_models(nominal, "trunk", ModelRandomization(payload=(-6.0, 0.0)), 1, rng)
    with pytest.raises(RobotModelError, match="torso"):
        randomized_models(nominal, "torso", ModelRandomization(), 1, rng)
