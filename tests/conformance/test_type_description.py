import json
from hashlib import sha256

import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from type_description_interfaces.srv import GetTypeDescription

pytestmark = pytest.mark.ros

JOINT_STATE = "RIHS01_a13ee3a330e346c9d87b5aa18d24e11690752bd33a0350f11c5882bc9179260e"


@pytest.fixture
def ask(node, spin_until):
    client = node.create_client(GetTypeDescription, "/tester/get_type_description")
    assert client.wait_for_service(timeout_sec=10.0)

    def ask_(**request):
        future = client.call_async(GetTypeDescription.Request(**request))
        assert spin_until(future.done, node)
        return future.result()

    return ask_


def individual(message):
    fields = [
        {
            "name": field.name,
            "type": {
                "type_id": field.type.type_id,
                "capacity": field.type.capacity,
                "string_capacity": field.type.string_capacity,
                "nested_type_name": field.type.nested_type_name,
            },
        }
        for field in message.fields
    ]
    return {"type_name": message.type_name, "fields": fields}


def rihs01(description):
    whole = {
        "type_description": individual(description.type_description),
        "referenced_type_descriptions": [individual(item) for item in description.referenced_type_descriptions],
    }
    return "RIHS01_" + sha256(json.dumps(whole).encode()).hexdigest()


def test_description_of_a_published_type_hashes_to_what_was_asked_for(node, ask):
    node.create_publisher(JointState, "joints", 1)
    answer = ask(type_name="sensor_msgs/msg/JointState", type_hash=JOINT_STATE)
    assert answer.successful and answer.failure_reason == ""
    assert answer.type_description.type_description.type_name == "sensor_msgs/msg/JointState"
    referenced = [item.type_name for item in answer.type_description.referenced_type_descriptions]
    assert referenced == ["builtin_interfaces/msg/Time", "std_msgs/msg/Header"]
    assert rihs01(answer.type_description) == JOINT_STATE
    assert {source.type_name for source in answer.type_sources} == {*referenced, "sensor_msgs/msg/JointState"}
    quiet = ask(type_name="sensor_msgs/msg/JointState", type_hash=JOINT_STATE, include_type_sources=False)
    assert quiet.successful and len(quiet.type_sources) == 0


def test_unknown_types_and_bad_hashes_are_refused_with_a_reason(node, ask):
    answer = ask(type_name="sensor_msgs/msg/JointState", type_hash=JOINT_STATE)
    assert not answer.successful and "not currently in use" in answer.failure_reason
    answer = ask(type_name="sensor_msgs/msg/JointState", type_hash="RIHS01_12")
    assert not answer.successful and "parse" in answer.failure_reason
    node.create_service(Trigger, "stop", lambda request, response: response)
    assert not ask(type_name="std_srvs/srv/Trigger", type_hash="RIHS01_" + "0" * 64).successful


def test_a_parameter_switches_it_off_and_cannot_be_changed(node, spin_until):
    undescribed = Node("undescribed", parameter_overrides=[Parameter("start_type_description_service", value=False)])
    assert not undescribed.get_parameter("start_type_description_service").value
    assert spin_until(lambda: node.count_services("/tester/get_type_description") >= 1, node)
    assert node.count_services("/undescribed/get_type_description") == 0
    assert node.get_parameter("start_type_description_service").value
    assert not node.set_parameters([Parameter("start_type_description_service", value=False)])[0].successful
    undescribed.destroy_node()
