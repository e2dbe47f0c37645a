"""Assets, properties, drives, sensors and look-ups."""

import numpy as np
import pytest
import torch

from sim.isaacgym import install
from sim.isaacgym.errors import AssetError, InterfaceError, UnsupportedCallError

ARM = """<robot name="arm">
  <link name="base"><inertial><mass value="2"/><inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial>
    <visual><geometry><mesh filename="package://absent/base.dae"/></geometry></visual></link>
  <joint name="swing" type="revolute"><parent link="base"/><child link="link"/><axis xyz="0 0 1"/>
    <limit lower="-1" upper="1" effort="50" velocity="7"/><dynamics damping="0.3" friction="0.2"/></joint>
  <link name="link"><inertial><origin xyz="0.5 0 0"/><mass value="1"/>
    <inertia ixx="0.01" ixy="0" ixz="0" iyy="0.1" iyz="0" izz="0.1"/></inertial></link>
  <joint name="weld" type="fixed"><parent link="link"/><child link="tool"/><origin xyz="1 0 0"/></joint>
  <link name="tool"><inertial><mass value="0.5"/><inertia ixx="0.01" ixy="0" ixz="0" iyy="0.01" iyz="0" izz="0.01"/></inertial>
    <collision><geometry><sphere radius="0.1"/></geometry></collision></link>
  <joint name="tip" type="fixed" dont_collapse="true"><parent link="tool"/><child link="foot"/><origin xyz="0.2 0 0"/></joint>
  <link name="foot"><inertial><mass value="0.1"/><inertia ixx="0.01" ixy="0" ixz="0" iyy="0.01" iyz="0" izz="0.01"/></inertial></link>
</robot>"""  # noqa: E501
ANT = """<mujoco><worldbody><body name="torso" pos="0 0 1"><freejoint/><geom name="ball" size=".2" mass="3"/>
<body name="leg" pos=".2 0 0"><joint name="hip" axis="0 0 1" range="-30 30" damping="1" armature=".01"/>
<geom type="cylinder" fromto="0 0 0 .4 0 0" size=".05" mass=".5"/></body></body></worldbody>
<actuator><motor joint="hip" gear="15" ctrllimited="true" ctrlrange="-1 1"/></actuator>
<sensor><jointpos joint="hip"/></sensor></mujoco>"""


@pytest.fixture
def arm(isaacgym, make_sim, tmp_path):
    """(gymapi, gym, sim, load(**options)) with the arm's file."""
    gym, sim = make_sim(gravity=(0, 0, 0))
    (tmp_path / "arm.urdf").write_text(ARM)
    (tmp_path / "ant.xml").write_text(ANT)

    def load(file="arm.urdf", **options):
        return gym.load_asset(sim, str(tmp_path), file, isaacgym.gymapi.AssetOptions(**options))

    return isaacgym.gymapi, gym, sim, load


def place(gymapi, gym, sim, asset, count=2, height=1.0, edit=None):
    """Environments 2 m apart with one actor each; ``edit(env, index)`` before ``prepare_sim``."""
    for i in range(count):
        env = gym.create_env(sim, gymapi.Vec3(-1, -1, 0), gymapi.Vec3(1, 1, 1), 8)
        gym.create_actor(env, asset, gymapi.Transform(gymapi.Vec3(0, 0, height)), "robot", i, 1, 0)
        if edit:
            edit(env, i)
    gym.prepare_sim(sim)
    return sim.scene.envs


def test_urdf_bodies_joints_and_limits(arm):
    _, gym, _, load = arm
    asset = load(fix_base_link=True, armature=0.02)
    assert gym.get_asset_rigid_body_names(asset) == ["base", "link", "tool", "foot"]
    props = gym.get_asset_dof_properties(asset)
    row = {name: float(props[name][0]) for name in props.dtype.names}
    assert row == pytest.approx(
        {"hasLimits": 1, "lower": -1, "upper": 1, "driveMode": 0, "velocity": 7, "effort": 50, "stiffness": 0,
         "damping": 0.3, "friction": 0.2, "armature": 0.02}
    )  # fmt: skip
    assert (gym.get_asset_dof_count(asset), gym.get_asset_rigid_shape_count(asset)) == (1, 1)
    assert gym.find_asset_dof_index(asset, "swing") == 0 and gym.find_asset_rigid_body_index(asset, "no") == -1


def test_collapsed_bodies_give_their_mass_to_the_parent_unless_marked(arm):
    _, gym, _, load = arm
    asset = load(collapse_fixed_joints=True)
    assert gym.get_asset_rigid_body_names(asset) == ["base", "link", "foot"]
    props = asset.body_props()
    assert [p.mass for p in props] == pytest.approx([2.0, 1.5, 0.1])
    assert props[1].com.x == pytest.approx((1.0 * 0.5 + 0.5 * 1.0) / 1.5)
    assert not asset.fixed


def test_mjcf_actuators_become_properties_and_cylinders_capsules(arm):
    _, gym, _, load = arm
    asset = load("ant.xml", replace_cylinder_with_capsule=True)
    actuator = gym.get_asset_actuator_properties(asset)[0]
    assert actuator.motor_effort == 15 and actuator.control_limited and actuator.upper_control_limit == 1
    assert gym.get_asset_actuator_joint_name(asset, 0) == "hip" and gym.get_asset_actuator_count(asset) == 1
    assert sorted(asset.model.geom_type.tolist()) == [2, 3] and asset.model.nsensor == 0
    assert gym.get_asset_dof_properties(asset)["upper"][0] == pytest.approx(np.pi / 6)


def test_assets_that_cannot_be_used_are_named(arm, tmp_path):
    _, _, _, load = arm
    with pytest.raises(AssetError, match=r"none\.urdf"):
        load("none.urdf")
    bodies = '<body name="{}"><geom size=".1"/></body>'
    files = {
        "broken.urdf": "<robot",
        "two.xml": f"<mujoco><worldbody>{bodies.format('a')}{bodies.format('b')}</worldbody></mujoco>",
        "ball.xml": '<mujoco><worldbody><body><joint type="ball"/><geom size=".1"/></body></worldbody></mujoco>',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(AssetError, match=name.split(".")[0]):
            load(name)


def test_position_drive_settles_on_its_target_and_reports_its_torque(arm):
    gymapi, gym, sim, load = arm
    asset = load(fix_base_link=True, default_dof_drive_mode=gymapi.DOF_MODE_POS)

    def gains(env, i):
        props = gym.get_actor_dof_properties(env, 0)
        props["stiffness"], props["damping"], props["friction"] = 60.0, 8.0 + i, 0.0
        gym.set_actor_dof_properties(env, 0, props)

    place(gymapi, gym, sim, asset, edit=gains)
    gym.set_dof_position_target_tensor(sim, np.array([0.5, -0.4], dtype=np.float32))
    gym.simulate(sim)
    gym.refresh_dof_force_tensor(sim)
    np.testing.assert_allclose(gym.acquire_dof_force_tensor(sim), [30.0, -24.0], rtol=1e-5)
    for _ in range(600):
        gym.simulate(sim)
    gym.refresh_dof_state_tensor(sim)
    np.testing.assert_allclose(gym.acquire_dof_state_tensor(sim), [[0.5, 0], [-0.4, 0]], atol=1e-3)
    one = np.array([1], dtype=np.int32)
    gym.set_dof_position_target_tensor_indexed(sim, np.array([0.1, 0.2], dtype=np.float32), one, 1)
    np.testing.assert_allclose(sim.physics.target[:, 0], [0.5, 0.2])


def test_velocity_drive_reaches_its_speed(arm):
    gymapi, gym, sim, load = arm
    asset = load(fix_base_link=True, default_dof_drive_mode=gymapi.DOF_MODE_VEL)

    def gains(env, _):
        props = gym.get_actor_dof_properties(env, 0)
        props["damping"], props["friction"], props["hasLimits"] = 20.0, 0.0, False
        gym.set_actor_dof_properties(env, 0, props)

    place(gymapi, gym, sim, asset, edit=gains)
    gym.set_dof_velocity_target_tensor(sim, np.array([2.0, -1.0], dtype=np.float32))
    for _ in range(400):
        gym.simulate(sim)
    gym.refresh_dof_state_tensor(sim)
    np.testing.assert_allclose(gym.acquire_dof_state_tensor(sim)[:, 1], [2.0, -1.0], atol=1e-2)


def test_effort_is_cut_at_the_limit_and_damping_is_passive(arm):
    gymapi, gym, sim, load = arm
    place(gymapi, gym, sim, load(fix_base_link=True, default_dof_drive_mode=gymapi.DOF_MODE_EFFORT))
    gym.set_dof_actuation_force_tensor(sim, np.array([500.0, 10.0], dtype=np.float32))
    gym.simulate(sim)
    gym.refresh_dof_force_tensor(sim)
    np.testing.assert_allclose(gym.acquire_dof_force_tensor(sim), [50.0, 10.0], rtol=1e-6)
    assert sim.physics.base.dof_damping[0] == pytest.approx(0.3)


def test_a_rotating_arms_links_move_at_radius_times_rate(arm):
    gymapi, gym, sim, load = arm
    place(gymapi, gym, sim, load(fix_base_link=True))
    state = np.array([[np.pi / 6, 2.0], [0.0, 0.0]], dtype=np.float32)
    gym.set_dof_state_tensor_indexed(sim, state, np.array([0], dtype=np.int32), 1)
    bodies = gym.acquire_rigid_body_state_tensor(sim)
    foot = gym.find_actor_rigid_body_index(sim.scene.envs[0], 0, "foot", gymapi.DOMAIN_SIM)
    direction = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6), 0.0])
    np.testing.assert_allclose(bodies[foot, :3], 1.2 * direction + [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(bodies[foot, 7:10], 1.2 * 2.0 * np.cross([0, 0, 1], direction), atol=1e-5)
    np.testing.assert_allclose(bodies[foot, 10:], [0, 0, 2.0], atol=1e-6)
    np.testing.assert_allclose(bodies[4:, 7:], 0.0, atol=1e-9)


def test_a_held_base_can_be_moved_in_one_world(arm):
    gymapi, gym, sim, load = arm
    place(gymapi, gym, sim, load(fix_base_link=True), height=1.0)
    root = gym.acquire_actor_root_state_tensor(sim).copy()
    root[1, :3] += [0.5, 0.0, 0.25]
    gym.set_actor_root_state_tensor(sim, root)
    gym.simulate(sim)
    gym.refresh_actor_root_state_tensor(sim)
    np.testing.assert_allclose(sim.physics.root[:, :3], [[0, 0, 1], [2.5, 0, 1.25]], atol=1e-6)


def test_mass_and_shape_changes_while_running_touch_one_world(arm):
    gymapi, gym, sim, load = arm
    envs = place(gymapi, gym, sim, load(fix_base_link=True))
    props = gym.get_actor_rigid_body_properties(envs[1], 0)
    props[1].mass *= 2.0
    props[1].com.x += 0.1
    gym.set_actor_rigid_body_properties(envs[1], 0, props, recomputeInertia=True)
    shapes = gym.get_actor_rigid_shape_properties(envs[1], 0)
    shapes[0].friction = 0.4
    gym.set_actor_rigid_shape_properties(envs[1], 0, shapes)
    first, second = sim.physics.engine.models
    link = first.body("a0/link").id
    assert (second.body_mass[link], first.body_mass[link]) == pytest.approx((2.0, 1.0))
    assert second.body_ipos[link, 0] == pytest.approx(0.6) and first.body_ipos[link, 0] == pytest.approx(0.5)
    assert second.body_inertia[link].sum() == pytest.approx(2 * first.body_inertia[link].sum())
    assert second.geom_friction[second.geom("a0/" + envs[1].actors[0].asset.shapes[0]).id, 0] == pytest.approx(0.7)
    props[1].mass = -5.0
    with pytest.raises(UnsupportedCallError, match="link"):
        gym.set_actor_rigid_body_properties(envs[1], 0, props)


def test_force_sensor_measures_the_contact_wrench_in_its_own_frame(arm):
    gymapi, gym, sim, _ = arm
    params = gym.get_sim_params(sim)
    params.gravity = gymapi.Vec3(0, 0, -10.0)
    gym.set_sim_params(sim, params)
    asset = gym.create_box(sim, 0.2, 0.2, 0.2)
    turn = gymapi.Quat.from_axis_angle(gymapi.Vec3(1, 0, 0), np.pi / 2)
    gym.create_asset_force_sensor(asset, 0, gymapi.Transform(gymapi.Vec3(0.05, 0, 0), turn))
    place(gymapi, gym, sim, asset, height=0.1)
    tensor = gym.acquire_force_sensor_tensor(sim)
    for _ in range(200):
        gym.simulate(sim)
    gym.refresh_force_sensor_tensor(sim)
    # 80 N up is 80 N along the sensor's y; it acts 5 cm behind the sensor: torque (0, 4, 0), the sensor's -z.
    np.testing.assert_allclose(tensor, [[0, 80, 0, 0, 0, -4]] * 2, atol=0.2)


def test_indices_in_the_three_domains(arm):
    gymapi, gym, sim, load = arm
    asset = load(fix_base_link=True)
    for _ in range(2):
        env = gym.create_env(sim, gymapi.Vec3(), gymapi.Vec3(), 1)
        gym.create_actor(env, asset, gymapi.Transform(), "left")
        gym.create_actor(env, asset, gymapi.Transform(gymapi.Vec3(0, 3, 0)), "right")
    env = gym.get_env(sim, 1)
    assert (gym.find_actor_handle(env, "right"), gym.find_actor_index(env, "right", gymapi.DOMAIN_SIM)) == (1, 3)
    found = [gym.find_actor_rigid_body_index(env, 1, "tool", d) for d in (0, 1, 2)]
    assert found == [2, 6, 14]
    assert gym.find_actor_dof_index(env, 1, "swing", gymapi.DOMAIN_SIM) == 3
    assert gym.get_sim_dof_count(sim) == 4 and gym.get_sim_rigid_body_count(sim) == 16
    assert gym.get_sim_actor_count(sim) == 4 and gym.get_actor_name(env, 0) == "left"
    with pytest.raises(UnsupportedCallError, match="7"):
        gym.find_actor_dof_index(env, 0, "swing", 7)


def test_filters_decide_who_collides(arm):
    gymapi, gym, sim, load = arm
    asset = load("ant.xml")
    env = gym.create_env(sim, gymapi.Vec3(), gymapi.Vec3(), 1)
    for name, bits in (("a", 1), ("b", 1), ("c", 0)):
        gym.create_actor(env, asset, gymapi.Transform(), name, 0, bits)
    m = sim.physics.base
    ground = m.geom("ground").id
    geoms = [m.geom(f"a{k}/ball").id for k in range(3)]

    def meet(g, h):
        both = (m.geom_contype[g] & m.geom_conaffinity[h]) | (m.geom_contype[h] & m.geom_conaffinity[g])
        return bool(both)

    assert [meet(ground, g) for g in geoms] == [True] * 3
    assert (meet(geoms[0], geoms[1]), meet(geoms[0], geoms[2])) == (False, True)
    assert (meet(geoms[0], geoms[0]), meet(geoms[2], geoms[2])) == (False, True)


def test_calls_without_a_counterpart_say_their_name(arm):
    gymapi, gym, sim, load = arm
    with pytest.raises(NotImplementedError, match="acquire_jacobian_tensor"):
        gym.acquire_jacobian_tensor(sim, "robot")
    with pytest.raises(NotImplementedError, match="apply_random_samples"):
        install().gymutil.apply_random_samples()
    params = gymapi.SimParams(up_axis=gymapi.UP_AXIS_Y)
    with pytest.raises(NotImplementedError, match="UP_AXIS_Y"):
        gym.create_sim(0, 0, gymapi.SIM_PHYSX, params)
    with pytest.raises(NotImplementedError, match="sim_device=cpu"):
        gym.create_sim(0, 0, gymapi.SIM_PHYSX, gymapi.SimParams(up_axis=1, use_gpu_pipeline=True))
    with pytest.raises(NotImplementedError, match="tilted"):
        gym.add_ground(sim, gymapi.PlaneParams(normal=gymapi.Vec3(0, 1, 1)))
    with pytest.raises(AssetError, match="no environment"):
        gym.prepare_sim(sim)
    for file in ("arm.urdf", "ant.xml"):
        env = gym.create_env(sim, gymapi.Vec3(), gymapi.Vec3(), 1)
        gym.create_actor(env, load(file), gymapi.Transform(), "x")
    with pytest.raises(NotImplementedError, match="environment 1"):
        gym.prepare_sim(sim)


def test_viewer_calls_do_nothing(arm):
    gymapi, gym, sim, _ = arm
    viewer = gym.create_viewer(sim, gymapi.CameraProperties())
    gym.viewer_camera_look_at(viewer, None, gymapi.Vec3(), gymapi.Vec3())
    assert not gym.query_viewer_has_closed(viewer) and gym.query_viewer_action_events(viewer) == []


def test_transforms_compose():
    gymapi = install().gymapi
    a = gymapi.Transform(gymapi.Vec3(1, 2, 3), gymapi.Quat.from_euler_zyx(0.1, 0.2, 0.3))
    point = gymapi.Vec3(0.4, -0.5, 0.6)
    back = (a.inverse() * a).transform_point(point)
    assert (back.x, back.y, back.z) == pytest.approx((0.4, -0.5, 0.6))
    turned = gymapi.Quat.from_axis_angle(gymapi.Vec3(0, 0, 1), np.pi / 2).rotate(gymapi.Vec3(1, 0, 0))
    assert (turned.x, turned.y, turned.z) == pytest.approx((0, 1, 0))
    from sim.isaacgym import uninstall

    uninstall()


def test_a_foreign_isaacgym_is_left_alone(monkeypatch):
    import sys
    from types import ModuleType

    monkeypatch.setitem(sys.modules, "isaacgym", ModuleType("isaacgym"))
    with pytest.raises(InterfaceError, match="imported already"):
        install()


def test_arguments_and_devices(isaacgym, monkeypatch):
    gymutil = isaacgym.gymutil
    monkeypatch.setattr("sys.argv", ["train.py", "--task", "go1", "--num_threads", "2"])
    args = gymutil.parse_arguments(custom_parameters=[{"name": "--task", "type": str}])
    assert (args.task, args.num_threads, args.sim_device_type, args.use_gpu_pipeline) == ("go1", 2, "cpu", False)
    assert gymutil.parse_device_str("cuda:1") == ("cuda", 1) and gymutil.parse_bool("True")
    with pytest.raises(InterfaceError, match="tpu"):
        gymutil.parse_device_str("tpu")
    params = isaacgym.gymapi.SimParams()
    gymutil.parse_sim_config({"dt": 0.01, "gravity": [0, 0, -1], "physx": {"solver_type": 0, "new": 3}}, params)
    assert params.dt == 0.01 and params.gravity.z == -1 and params.physx.new == 3 and torch.is_tensor(torch.zeros(1))
