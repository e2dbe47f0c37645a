"""What observation names mean on a robot: topic, unit, range, and the affine map to what the policy was trained on."""

from dataclasses import replace

import numpy as np
import pytest

from policy_nodes.bundle.manifest import ObservationTerm
from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import JointLimit, SafetyConfig
from training.convert import terms as module
from training.convert.settings import Settings
from training.convert.terms import Topics, build_terms

JOINTS = ("hip", "knee")
SAFETY = SafetyConfig(
    joints=[
        JointLimit(name="hip", position_min=-1.0, position_max=2.0, velocity=4.0, acceleration=50.0, jerk=500.0),
        JointLimit(name="knee", position_min=-3.0, position_max=-0.5, velocity=8.0, acceleration=50.0, jerk=500.0),
    ]
)
SETTINGS = Settings(
    joints=JOINTS, stiffness=np.ones(2), damping=np.ones(2), default_pos=np.array([0.1, -1.5]),
    action_scale=np.array([0.25, -0.5]), observations=("base_ang_vel",), history=(1,), history_order="term",
    newest_first=False, observation_scale={}, command_low=np.array([-1.0, -0.4, -2.0]),
    command_high=np.array([1.0, 0.4, 2.0]), rate_hz=50.0,
)  # fmt: skip


def term(name, topics=None, **changes):
    settings = replace(SETTINGS, **{"observations": (name,), **changes})
    (found,) = build_terms(settings, SAFETY, topics or Topics(), 0.1)
    return found


GROUPS = ["BASE_LIN_VEL", "BASE_ANG_VEL", "GRAVITY", "JOINT_POS", "JOINT_VEL", "ACTIONS", "COMMAND"]


@pytest.mark.parametrize("group", GROUPS)
def test_synonyms_mean_the_same_and_make_a_valid_contract(group):
    names = getattr(module, group)
    contracts = []
    for name in names:
        found = term(name)
        assert found.contract["name"] == name
        ObservationTerm.model_validate(found.contract)  # the schema of the manifest accepts it
        contracts.append({key: value for key, value in found.contract.items() if key != "name"})
    assert all(contract == contracts[0] for contract in contracts)


def test_no_name_means_two_things():
    names = [name for group in GROUPS for name in getattr(module, group)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "raw", "trained"),
    [
        ("joint_pos", [0.1, -1.5], [0.0, 0.0]),  # relative to the default pose
        ("joint_pos", [0.6, -1.0], [0.5, 0.5]),
        ("joint_vel", [3.0, -2.0], [3.0, -2.0]),
        # a target of default + scale * action gives the action back, whatever the sign of its scale
        ("actions", [0.1 + 0.25 * 2.0, -1.5 - 0.5 * 3.0], [2.0, 3.0]),
        ("base_ang_vel", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
    ],
)
def test_raw_values_become_what_was_trained(name, raw, trained):
    found = term(name)
    assert ((np.array(raw) - found.offset) * found.factor).tolist() == pytest.approx(trained)


def test_a_scale_multiplies_after_everything_else_and_only_its_own_term():
    both = replace(
        SETTINGS, observations=("joint_pos", "joint_vel"), history=(3, 1), observation_scale={"joint_pos": 2.0}
    )
    first, second = build_terms(both, SAFETY, Topics(), 0.1)
    assert ((np.array([0.6, -1.0]) - first.offset) * first.factor).tolist() == pytest.approx([1.0, 1.0])
    assert second.factor.tolist() == [1.0, 1.0] and (first.history, second.history) == (3, 1)
    assert first.size == 2


def test_ranges_by_hand():
    position, velocity, action = term("joint_pos").contract, term("joint_vel").contract, term("actions").contract
    assert (position["minimum"], position["maximum"]) == (pytest.approx([-1.1, -3.1]), pytest.approx([2.1, -0.4]))
    assert (velocity["minimum"], velocity["maximum"]) == (pytest.approx([-6.0, -12.0]), pytest.approx([6.0, 12.0]))
    # twenty actions around the default pose: 0.1 +- 5 and -1.5 +- 10, wider than the joints
    assert (action["minimum"], action["maximum"]) == (pytest.approx([-4.9, -11.5]), pytest.approx([5.1, 8.5]))
    assert action["fallback"] == pytest.approx([0.1, -1.5])
    assert term("command").contract["maximum"] == pytest.approx([1.0, 0.4, 2.0], abs=2e-3)


def test_a_command_range_of_one_value_is_still_a_range():
    still = term("command", command_low=np.zeros(3), command_high=np.zeros(3)).contract
    assert all(low < 0.0 < high for low, high in zip(still["minimum"], still["maximum"], strict=True))


def test_topics_and_message_types_are_the_robots():
    topics = Topics("/js", "/imu0", "/odometry", "/teleop", stamped_velocity_command=True)
    found = {name: term(name, topics).contract for name in ("joint_pos", "gyro", "base_lin_vel", "cmd")}
    assert [c["topic"] for c in found.values()] == ["/js", "/imu0", "/odometry", "/teleop"]
    assert found["cmd"]["message_type"] == "geometry_msgs/msg/TwistStamped" and found["cmd"]["fallback"] == [0.0] * 3
    assert term("cmd").contract["message_type"] == "geometry_msgs/msg/Twist"


def test_a_silent_command_is_older_than_a_silent_sensor_may_be():
    assert (
        term("command").contract["max_age_s"] == module.COMMAND_TIMEOUT_S and term("gyro").contract["max_age_s"] == 0.1
    )


def test_what_keel_cannot_read_is_named_with_what_it_can():
    with pytest.raises(ConfigError, match="'height_scan'") as refused:
        term("height_scan")
    assert "projected_gravity" in str(refused.value) and "--observations" in refused.value.fix
    with pytest.raises(ConfigError, match="command range") as refused:
        term("command", command_low=None)
    assert "--command-limit" in refused.value.fix
