import numpy as np
import pytest

from policy_nodes.errors import ContractError
from training.contracts.registry import task_contract
from training.simulation import read_features, read_term

CONTRACT = task_contract("panda_pick_place")
TERMS = {term.name: term for feature in CONTRACT.observations for term in feature.terms}


class Fake:
    """Three joints and one object with values that tell themselves apart."""

    joint_names = ("a", "b", "c")

    def joint_state(self):
        return np.array([1.0, 2, 3]), np.array([10.0, 20, 30]), np.array([100.0, 200, 300])

    def object_poses(self):
        return {"cube": np.arange(7.0), "goal": np.arange(7.0, 14.0)}


def joints(axes, field="position"):
    size = len(axes)
    update = {"axes": axes, "field": field, "unit": ["rad"] * size, "minimum": [0.0] * size, "maximum": [1.0] * size}
    return TERMS["joint_position"].model_copy(update=update)


@pytest.mark.parametrize(("field", "scale"), [("position", 1), ("velocity", 10), ("effort", 100)])
def test_joints_are_picked_by_name_in_contract_order(field, scale):
    assert read_term(Fake(), joints(["c", "a"], field)).tolist() == [3 * scale, scale]


def test_poses_and_positions():
    assert read_term(Fake(), TERMS["cube_pose"]).tolist() == list(range(7))
    position = TERMS["goal_pose"].model_copy(update={"field": "pose.position"})
    assert read_term(Fake(), position).tolist() == [7, 8, 9]


def test_unknown_joints_and_topics_are_named():
    with pytest.raises(ContractError, match="'joint_position': the simulated robot has no joint d, e"):
        read_term(Fake(), joints(["a", "d", "e"]))
    for topic in ("/objects/mug/pose", "/imu", "/objects/cube/twist"):
        with pytest.raises(ContractError, match=f"does not publish '{topic}'"):
            read_term(Fake(), TERMS["cube_pose"].model_copy(update={"topic": topic}))
    with pytest.raises(ContractError, match="does not publish '/joint_states'"):
        read_term(Fake(), joints(["a"], "data"))


def test_features_concatenate_their_terms():
    fake = Fake()
    fake.joint_names = tuple(CONTRACT.actions.joints)
    fake.joint_state = lambda: (np.arange(8.0),) * 3
    features = read_features(fake, CONTRACT.observations)
    assert features["observation.state"].tolist() == list(range(8))
    assert features["observation.environment_state"].tolist() == list(range(14))
    assert {value.dtype.name for value in features.values()} == {"float32"}


def test_vectors_are_read_whole_by_topic():
    term = TERMS["goal_pose"].model_copy(
        update={
            "message_type": "std_msgs/msg/Float64MultiArray",
            "topic": "/task/id",
            "field": "data",
            "axes": ["a", "b"],
        }
    )
    with pytest.raises(ContractError, match="does not publish '/task/id'"):
        read_term(Fake(), term)
    fake = Fake()
    fake.vectors = lambda: {"/task/id": np.array([0.0, 1.0])}
    assert read_term(fake, term).tolist() == [0, 1]
    with pytest.raises(ContractError, match="'/task/id' has 2 values, not 3"):
        read_term(fake, term.model_copy(update={"axes": ["a", "b", "c"]}))
