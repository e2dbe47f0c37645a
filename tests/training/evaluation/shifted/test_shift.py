import mujoco
import numpy as np
import pytest

from policy_nodes.errors import ConfigError
from training.evaluation.shifted.shift import (
    INTEGRATORS,
    Late,
    Shift,
    add_payload,
    joint_losses,
    scale_friction,
    scale_servos,
    tilt_gravity,
)

PENDULUM = """
<mujoco>
  <worldbody>
    <geom type="plane" size="1 1 1" friction="0.8 0.005 0.0001"/>
    <body name="rod" pos="0 0 1">
      <joint name="hinge" type="hinge" axis="0 1 0" damping="0.1"/>
      <geom type="capsule" size="0.02 0.2" pos="0.05 0 0" mass="2" friction="0.6 0.005 0.0001"/>
    </body>
    <body name="ball" pos="1 0 1"><freejoint/><geom size="0.1" mass="1"/></body>
  </worldbody>
  <actuator><position name="servo" joint="hinge" kp="10" kv="2" forcerange="-5 5"/></actuator>
</mujoco>
"""


@pytest.fixture
def model():
    return mujoco.MjModel.from_xml_string(PENDULUM)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_nothing_changes_without_changes(model, rng):
    before = model.body_mass.copy(), model.opt.timestep, int(model.opt.integrator)
    Shift("nominal", "").apply(model, rng)
    assert (model.body_mass == before[0]).all() and (model.opt.timestep, int(model.opt.integrator)) == before[1:]


def test_friction_changes_its_sliding_part_only(model, rng):
    Shift("x", "", (scale_friction(0.5),)).apply(model, rng)
    assert model.geom_friction[:2] == pytest.approx(np.array([[0.4, 0.005, 0.0001], [0.3, 0.005, 0.0001]]))


def test_a_payload_scales_the_inertia_and_moves_the_centre_of_mass(model, rng):
    inertia, center, subtree = (
        model.body("rod").inertia.copy(),
        model.body("rod").ipos.copy(),
        model.body_subtreemass[0],
    )
    Shift("x", "", (add_payload("rod", 1.0, 0.02),)).apply(model, rng)
    assert model.body("rod").mass[0] == pytest.approx(3.0)
    assert model.body("rod").inertia == pytest.approx(1.5 * inertia)
    assert np.linalg.norm(model.body("rod").ipos - center) == pytest.approx(0.02)
    assert model.body_subtreemass[0] == pytest.approx(subtree + 1.0)  # a derived constant


def test_servo_gains_change_on_both_sides_of_the_position_law(model, rng):
    Shift("x", "", (scale_servos(0.5, 2.0, 0.8),)).apply(model, rng)
    assert model.actuator_gainprm[0, 0] == pytest.approx(5.0)
    assert model.actuator_biasprm[0, 1:3] == pytest.approx([-5.0, -4.0])
    assert model.actuator_forcerange[0] == pytest.approx([-4.0, 4.0])


def test_losses_are_added_to_actuated_joints_only(model, rng):
    Shift("x", "", (joint_losses(0.3, 0.2),)).apply(model, rng)
    assert model.dof_frictionloss == pytest.approx([0.3] + [0.0] * 6)
    assert model.dof_damping == pytest.approx([0.3] + [0.0] * 6)


def test_gravity_keeps_its_size_and_leans_by_the_angle(model, rng):
    Shift("x", "", (tilt_gravity(30.0),)).apply(model, rng)
    assert np.linalg.norm(model.opt.gravity) == pytest.approx(9.81)
    assert model.opt.gravity[2] == pytest.approx(-9.81 * np.cos(np.pi / 6))


def test_integrators_are_set_by_mujocos_names(model, rng):
    for name, number in INTEGRATORS.items():
        Shift("x", "", integrator=name).apply(model, rng)
        assert int(model.opt.integrator) == number
    with pytest.raises(ConfigError, match="Heun"):
        Shift("x", "", integrator="Heun").apply(model, rng)


@pytest.mark.parametrize(("periods", "seen"), [(0, [1, 2, 3, 4]), (1, [1, 1, 2, 3]), (3, [1, 1, 1, 1])])
def test_a_late_signal_shows_the_first_value_until_it_has_arrived(periods, seen):
    late = Late(periods)
    assert [float(late(np.array([value]))[0]) for value in (1, 2, 3, 4)] == seen


def test_a_late_signal_does_not_change_with_what_the_caller_does_to_its_array():
    late, value = Late(1), np.array([1.0])
    late(value)
    value[0] = 5.0
    assert late(value) == pytest.approx([1.0])
