import pytest

from policy_nodes.rosless.exceptions import RCLError
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.lifecycle.entities import TransitionCallbackReturn
from policy_nodes.rosless.lifecycle.machine import LifecycleStateMachine
from policy_nodes.rosless.lifecycle.services import SERVICES, LifecycleServices

pytestmark = pytest.mark.pure

Transition = message_class("lifecycle_msgs/msg/Transition")


@pytest.fixture
def call():
    machine, asked = LifecycleStateMachine(), []
    outcome = {1: TransitionCallbackReturn.SUCCESS, 5: TransitionCallbackReturn.FAILURE}

    def change(number):
        asked.append(number)
        if number not in outcome:
            raise RCLError("no such transition from here")
        return outcome[number]

    services = LifecycleServices(machine, change)

    def call_(name, **request):
        return getattr(services, name)(SERVICES[name].Request(**request), SERVICES[name].Response())

    call_.asked = asked
    return call_


def test_change_by_number_and_by_label(call):
    assert call("change_state", transition=Transition(id=1)).success
    assert not call("change_state", transition=Transition(id=1, label="shutdown")).success
    assert call.asked == [1, 5]
    assert not call("change_state", transition=Transition(label="fly")).success
    assert call.asked == [1, 5]


def test_an_impossible_number_is_refused_not_raised(call, capfd):
    assert not call("change_state", transition=Transition(id=3)).success
    assert call.asked == [3] and "change_state refused" in capfd.readouterr().err


def test_queries(call):
    assert call("get_state").current_state.label == "unconfigured"
    assert len(call("get_available_states").available_states) == 11
    now = call("get_available_transitions").available_transitions
    assert [(t.transition.id, t.transition.label, t.goal_state.label) for t in now] == [
        (1, "configure", "configuring"),
        (5, "shutdown", "shuttingdown"),
    ]
    assert len(call("get_transition_graph").available_transitions) == 25
