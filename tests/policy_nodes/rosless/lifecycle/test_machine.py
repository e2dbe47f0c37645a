import pytest

from policy_nodes.rosless.exceptions import RCLError
from policy_nodes.rosless.idl import message_class
from policy_nodes.rosless.lifecycle.machine import EDGES, STATES, LifecycleStateMachine

pytestmark = pytest.mark.pure

# rows of `rcl_lifecycle/default_state_machine.c` and the numbers of lifecycle_msgs/msg/Transition
GRAPH = [
    (1, "configure", "unconfigured", "configuring"),
    (10, "transition_success", "configuring", "inactive"),
    (11, "transition_failure", "configuring", "unconfigured"),
    (12, "transition_error", "configuring", "errorprocessing"),
    (2, "cleanup", "inactive", "cleaningup"),
    (20, "transition_success", "cleaningup", "unconfigured"),
    (21, "transition_failure", "cleaningup", "inactive"),
    (22, "transition_error", "cleaningup", "errorprocessing"),
    (3, "activate", "inactive", "activating"),
    (30, "transition_success", "activating", "active"),
    (31, "transition_failure", "activating", "inactive"),
    (32, "transition_error", "activating", "errorprocessing"),
    (4, "deactivate", "active", "deactivating"),
    (40, "transition_success", "deactivating", "inactive"),
    (41, "transition_failure", "deactivating", "active"),
    (42, "transition_error", "deactivating", "errorprocessing"),
    (5, "shutdown", "unconfigured", "shuttingdown"),
    (6, "shutdown", "inactive", "shuttingdown"),
    (7, "shutdown", "active", "shuttingdown"),
    (50, "transition_success", "shuttingdown", "finalized"),
    (51, "transition_failure", "shuttingdown", "finalized"),
    (52, "transition_error", "shuttingdown", "errorprocessing"),
    (60, "transition_success", "errorprocessing", "unconfigured"),
    (61, "transition_failure", "errorprocessing", "finalized"),
    (62, "transition_error", "errorprocessing", "finalized"),
]


def test_graph_is_that_of_rcl_lifecycle():
    assert [(e.id, e.label, STATES[e.start], STATES[e.goal]) for e in EDGES] == GRAPH


def test_states_are_numbered_as_in_the_message():
    state = message_class("lifecycle_msgs/msg/State")
    for number, label in STATES.items():
        kind = "TRANSITION" if number >= 10 else "PRIMARY"
        assert getattr(state, f"{kind}_STATE_{label.upper()}") == number
    assert LifecycleStateMachine().available_states == list(STATES.items())


def test_walk_and_notification():
    steps = []
    machine = LifecycleStateMachine(lambda start, goal: steps.append((STATES[start], STATES[goal])))
    assert machine.current_state == (1, "unconfigured")
    machine.trigger_transition_by_id(1)
    machine.trigger_transition_by_label("transition_success")
    assert [edge.label for edge in machine.available_transitions] == ["cleanup", "activate", "shutdown"]
    assert machine.get_transition_by_label("shutdown") == 6
    assert steps == [("unconfigured", "configuring"), ("configuring", "inactive")]


def test_impossible_transitions_change_nothing():
    machine = LifecycleStateMachine()
    with pytest.raises(RCLError, match="from state unconfigured"):
        machine.trigger_transition_by_id(3)
    with pytest.raises(RCLError, match="from state unconfigured"):
        machine.trigger_transition_by_label("cleanup")
    assert machine.current_state == (1, "unconfigured")


def test_finalized_is_the_end():
    machine = LifecycleStateMachine()
    machine.trigger_transition_by_label("shutdown")
    machine.trigger_transition_by_label("transition_success")
    assert machine.current_state == (4, "finalized") and machine.available_transitions == []
