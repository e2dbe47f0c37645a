import pytest
from lifecycle_msgs.msg import State as StateMsg
from lifecycle_msgs.msg import Transition, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState
from rclpy._rclpy_pybind11 import RCLError
from rclpy.lifecycle import LifecycleNode, SimpleManagedEntity, State, TransitionCallbackReturn
from std_msgs.msg import Int64

pytestmark = pytest.mark.ros
SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR


class Managed(LifecycleNode):
    """Records its callbacks; ``outcomes`` overrides what they return or raise."""

    def __init__(self, name="managed", **kwargs):
        self.calls, self.outcomes = [], {}
        super().__init__(name, **kwargs)

    def _record(self, name, state: State, default):
        self.calls.append((name, state.label))
        outcome = self.outcomes.get(name)
        if isinstance(outcome, Exception):
            raise outcome
        return default(state) if outcome is None else outcome

    def on_configure(self, state):
        return self._record("configure", state, super().on_configure)

    def on_activate(self, state):
        return self._record("activate", state, super().on_activate)

    def on_deactivate(self, state):
        return self._record("deactivate", state, super().on_deactivate)

    def on_cleanup(self, state):
        return self._record("cleanup", state, super().on_cleanup)

    def on_shutdown(self, state):
        return self._record("shutdown", state, super().on_shutdown)

    def on_error(self, state):
        return self._record("error", state, super().on_error)


@pytest.fixture
def managed(ros):
    made = Managed()
    yield made
    made.destroy_node()


def test_callbacks_are_told_the_state_before(managed):
    for trigger in ("configure", "activate", "deactivate", "cleanup", "shutdown"):
        assert getattr(managed, f"trigger_{trigger}")() == SUCCESS
    assert managed.calls == [
        ("configure", "unconfigured"), ("activate", "inactive"), ("deactivate", "active"), ("cleanup", "inactive"),
        ("shutdown", "unconfigured"),
    ]  # fmt: skip


def test_impossible_transition(managed):
    for trigger in (managed.trigger_activate, managed.trigger_deactivate, managed.trigger_cleanup):
        with pytest.raises(RCLError):
            trigger()
    assert managed.calls == []
    assert managed.trigger_configure() == SUCCESS


TRANSITIONS = {  # label: (what leads there, state before, during, after success, after failure)
    "configure": ([], "unconfigured", "configuring", "inactive", "unconfigured"),
    "activate": (["configure"], "inactive", "activating", "active", "inactive"),
    "deactivate": (["configure", "activate"], "active", "deactivating", "inactive", "active"),
    "cleanup": (["configure"], "inactive", "cleaningup", "unconfigured", "inactive"),
    "shutdown from unconfigured": ([], "unconfigured", "shuttingdown", "finalized", "finalized"),
    "shutdown from inactive": (["configure"], "inactive", "shuttingdown", "finalized", "finalized"),
    "shutdown from active": (["configure", "activate"], "active", "shuttingdown", "finalized", "finalized"),
}
OUTCOMES = {  # name: (of the callback, of on_error, whether error processing takes place)
    "success": (SUCCESS, None, False),
    "failure": (FAILURE, None, False),
    "error, recovered": (ERROR, SUCCESS, True),
    "exception, recovered": (RuntimeError("broken"), SUCCESS, True),
    "error, lost": (ERROR, FAILURE, True),
    "error in error processing": (ERROR, ERROR, True),
    "exception in error processing": (ERROR, RuntimeError("worse"), True),
}


@pytest.fixture
def walk(managed, node, spin_until):
    """The managed node, its state as others see it, and the steps it announces."""
    steps = []
    node.create_subscription(
        TransitionEvent,
        "/managed/transition_event",
        lambda event: steps.append((event.start_state.label, event.goal_state.label)),
        50,
    )
    client = node.create_client(GetState, "/managed/get_state")
    assert client.wait_for_service(timeout_sec=10.0)
    events = "/managed/transition_event"
    assert spin_until(lambda: node.count_publishers(events) and managed.count_subscribers(events), node)

    def state():
        future = client.call_async(GetState.Request())
        assert spin_until(future.done, node, managed)
        return future.result().current_state.label

    return state, steps


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("transition", TRANSITIONS)
def test_every_transition_with_every_outcome(managed, walk, transition, outcome):
    state, _ = walk
    path, before, _, after_success, after_failure = TRANSITIONS[transition]
    result, error_result, processing = OUTCOMES[outcome]
    name = transition.split()[0]
    for step in path:
        assert getattr(managed, f"trigger_{step}")() == SUCCESS
    managed.calls.clear()
    managed.outcomes.update({name: result, "error": error_result})
    returned = getattr(managed, f"trigger_{name}")()
    assert returned == (ERROR if processing else result)
    assert managed.calls == [(name, before), ("error", before)][: 1 + processing]
    goal = {SUCCESS: after_success, FAILURE: after_failure}.get(result)
    if processing:
        goal = "unconfigured" if error_result == SUCCESS else "finalized"
    assert state() == goal


def test_steps_are_announced_with_the_transition_states(managed, node, walk, spin_until):
    _, steps = walk
    spin_until(lambda: steps, node, timeout=0.3)  # both sides matched
    managed.outcomes.update(activate=ERROR, error=SUCCESS)
    assert (managed.trigger_configure(), managed.trigger_activate()) == (SUCCESS, ERROR)
    assert managed.trigger_shutdown() == SUCCESS
    expected = [
        ("unconfigured", "configuring"), ("configuring", "inactive"), ("inactive", "activating"),
        ("activating", "errorprocessing"), ("errorprocessing", "unconfigured"), ("unconfigured", "shuttingdown"),
        ("shuttingdown", "finalized"),
    ]  # fmt: skip
    assert spin_until(lambda: len(steps) >= len(expected), node)
    assert steps == expected


def test_nothing_leads_out_of_finalized(managed, walk):
    state, _ = walk
    assert managed.trigger_shutdown() == SUCCESS
    for name in ("configure", "activate", "deactivate", "cleanup", "shutdown"):
        with pytest.raises(RCLError):
            getattr(managed, f"trigger_{name}")()
    assert state() == "finalized"


def test_publisher_is_silent_unless_active(managed, node, spin_until):
    received = []
    node.create_subscription(Int64, "/numbers", lambda m: received.append(m.data), 10)
    publisher = managed.create_lifecycle_publisher(Int64, "/numbers", 10)
    assert spin_until(lambda: publisher.get_subscription_count() == 1, node)
    publisher.publish(Int64(data=1))
    managed.trigger_configure()
    publisher.publish(Int64(data=2))
    managed.trigger_activate()
    assert publisher.is_activated
    publisher.publish(Int64(data=3))
    managed.trigger_deactivate()
    publisher.publish(Int64(data=4))
    managed.trigger_activate()
    publisher.publish(Int64(data=5))
    assert spin_until(lambda: 5 in received, node)
    assert received == [3, 5]


def test_managed_entities_stop_a_transition(managed):
    class Stubborn(SimpleManagedEntity):
        def on_activate(self, state):
            return FAILURE

    with pytest.raises(TypeError):
        managed.add_managed_entity(object())
    managed.add_managed_entity(Stubborn())
    managed.trigger_configure()
    assert managed.trigger_activate() == FAILURE
    assert managed.trigger_cleanup() == SUCCESS


def test_services_and_events(managed, node, spin_until):
    events = []
    node.create_subscription(TransitionEvent, "/managed/transition_event", events.append, 10)

    def call(srv_type, name, **request):
        client = node.create_client(srv_type, f"/managed/{name}")
        assert client.wait_for_service(timeout_sec=10.0)
        future = client.call_async(srv_type.Request(**request))
        assert spin_until(future.done, node, managed)
        return future.result()

    assert spin_until(lambda: managed.count_subscribers("/managed/transition_event") == 1, node)
    spin_until(lambda: False, node, timeout=0.3)
    assert call(GetState, "get_state").current_state == StateMsg(id=1, label="unconfigured")
    transitions = call(GetAvailableTransitions, "get_available_transitions").available_transitions
    assert [(t.transition.id, t.transition.label) for t in transitions] == [(1, "configure"), (5, "shutdown")]
    assert call(ChangeState, "change_state", transition=Transition(id=Transition.TRANSITION_CONFIGURE)).success
    assert call(ChangeState, "change_state", transition=Transition(label="activate")).success
    assert not call(ChangeState, "change_state", transition=Transition(label="configure")).success
    assert call(GetState, "get_state").current_state == StateMsg(id=3, label="active")
    assert len(call(GetAvailableStates, "get_available_states").available_states) == 11
    assert len(call(GetAvailableTransitions, "get_transition_graph").available_transitions) == 25
    assert spin_until(lambda: len(events) >= 4, node)
    assert [(e.start_state.label, e.goal_state.label) for e in events] == [
        ("unconfigured", "configuring"), ("configuring", "inactive"), ("inactive", "activating"),
        ("activating", "active"),
    ]  # fmt: skip


def test_without_communication_there_are_no_services_but_the_events(spin_until):
    quiet = Managed("mute", enable_communication_interface=False)
    assert quiet.trigger_configure() == SUCCESS
    # what a process has just created itself, too, is discovered a moment later
    assert spin_until(lambda: quiet.count_publishers("/mute/transition_event") == 1, quiet)
    assert quiet.count_services("/mute/change_state") == 0
    quiet.destroy_node()
