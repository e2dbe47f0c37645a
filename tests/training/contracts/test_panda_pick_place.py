import mujoco
import numpy as np
import pytest
import torch

from sim.robots import panda
from sim.tasks.pick_place.world import PickPlaceWorld
from training.contracts.registry import task_contract

CONTRACT = task_contract("panda_pick_place")
TERMS = {term.name: term for feature in CONTRACT.observations for term in feature.terms}


def test_topics_and_messages_are_those_of_a_robot_under_ros2_control():
    assert {name: (term.topic, term.message_type) for name, term in TERMS.items()} == {
        "joint_position": ("/joint_states", "sensor_msgs/msg/JointState"),
        "cube_pose": ("/objects/cube/pose", "geometry_msgs/msg/PoseStamped"),
        "goal_pose": ("/objects/goal/pose", "geometry_msgs/msg/PoseStamped"),
    }
    actions = CONTRACT.actions
    assert actions.command_topic == "/forward_position_controller/commands"
    assert actions.command_type == "std_msgs/msg/Float64MultiArray"
    assert [term.mode for term in actions.terms] == ["position", "position"]


def test_joints_are_the_arms_then_the_finger_in_one_order_everywhere():
    arm = [f"panda_joint{i}" for i in range(1, 8)]
    assert TERMS["joint_position"].axes == CONTRACT.actions.joints == [*arm, "panda_finger_joint1"]
    assert [joint.name for joint in CONTRACT.safety.joints] == CONTRACT.actions.joints
    assert TERMS["joint_position"].unit == ["rad"] * 7 + ["m"]
    assert CONTRACT.relative == [True] * 7 + [False]


def test_poses_are_ros_poses_in_the_base_frame():
    for name in ("cube_pose", "goal_pose"):
        assert TERMS[name].axes == ["x", "y", "z", "qx", "qy", "qz", "qw"]
        assert TERMS[name].frame_id == "panda_link0" and TERMS[name].unit == ["m"] * 3 + ["1"] * 4


def test_commands_and_limits_lie_inside_what_may_be_observed():
    observed = TERMS["joint_position"]
    index = 0
    for term in CONTRACT.actions.terms:
        for low, high in zip(term.minimum, term.maximum, strict=True):
            limit = CONTRACT.safety.joints[index]
            assert observed.minimum[index] < limit.position_min <= low < high <= limit.position_max
            assert limit.position_max < observed.maximum[index]
            assert min(limit.velocity, limit.acceleration, limit.jerk) > 0
            index += 1
    assert index == 8


def test_gains_are_those_of_the_simulated_servos():
    model = PickPlaceWorld().model
    arm = CONTRACT.actions.terms[0]
    for i, (stiffness, damping) in enumerate(zip(arm.stiffness, arm.damping, strict=True), start=1):
        actuator = model.actuator(f"{panda.PREFIX}actuator{i}").id
        assert stiffness == pytest.approx(-model.actuator_biasprm[actuator, 1])
        assert damping == pytest.approx(-model.actuator_biasprm[actuator, 2])


def test_every_demonstrated_observation_and_action_is_inside_the_contract(dataset):
    for feature in CONTRACT.observations:
        low, high = (np.concatenate([getattr(term, side) for term in feature.terms]) for side in ("minimum", "maximum"))
        values = dataset[feature.name]
        assert (values >= low).all() and (values <= high).all()
    low, high = (np.concatenate([getattr(term, s) for term in CONTRACT.actions.terms]) for s in ("minimum", "maximum"))
    assert (dataset["action"] >= low - 1e-6).all() and (dataset["action"] <= high + 1e-6).all()


def test_times_fit_together():
    actions, timing = CONTRACT.actions, CONTRACT.timing
    assert timing.control_rate_hz * actions.step_s == pytest.approx(1.0)
    assert PickPlaceWorld().control_dt == pytest.approx(actions.step_s)
    # A late chunk must still have steps left when it arrives.
    assert timing.inference_budget_s < (actions.horizon - actions.execution_horizon) * actions.step_s


def test_tool_positions_of_a_chunk_are_mujocos():
    position = CONTRACT.make_position()
    rng = np.random.default_rng(0)
    chunk = panda.HOME + 0.2 * rng.normal(size=(2, 3, 8))
    found = position(torch.tensor(chunk, dtype=torch.float32)).numpy()
    model = panda.kinematics_model()
    data = mujoco.MjData(model)
    address = [int(model.joint(name).qposadr[0]) for name in panda.ARM_JOINT_NAMES]
    for index in np.ndindex(2, 3):
        data.qpos[address] = chunk[index][:7]
        mujoco.mj_kinematics(model, data)
        np.testing.assert_allclose(found[index], data.site_xpos[model.site(panda.TOOL_SITE).id], atol=1e-6)
