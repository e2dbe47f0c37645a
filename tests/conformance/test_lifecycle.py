import pytest
from lifecycle_msgs.msg import State as StateMsg
from lifecycle_msgs.msg import Transition, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState
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
    assert managed.trigger_activate() == ERROR
    assert managed.calls == []
    assert managed.trigger_configure() == SUCCESS


def test_failure_returns_to_where_it_came_from(managed):
    managed.outcomes["configure"] = FAILURE
    assert managed.trigger_configure() == FAILURE
    managed.outcomes.clear()
    assert managed.trigger_configure() == SUCCESS
    assert managed.calls == [("configure", "unconfigured")] * 2


@pytest.mark.parametrize("problem", [ERROR, RuntimeError("broken")])
def test_an_error_or_exception_goes_through_error_processing(managed, problem):
    managed.outcomes["configure"] = problem
    managed.outcomes["error"] = SUCCESS
    assert managed.trigger_configure() == ERROR
    assert managed.calls == [("configure", "unconfigured"), ("error", "unconfigured")]
    managed.outcomes.clear()
    assert managed.trigger_configure() == SUCCESS  # recovered to unconfigured


def test_failed_error_processing_finalizes(managed):
    managed.outcomes.update(configure=ERROR, error=FAILURE)
    assert managed.trigger_configure() == ERROR
    managed.outcomes.clear()
    assert managed.trigger_configure() == ERROR  # nothing leads out of finalized
    with pytest.raises(Exception, match="not possible"):
        managed.trigger_shutdown()


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


def test_without_communication_there_are_no_services(ros):
    quiet = Managed("quiet", enable_communication_interface=False)
    assert quiet.trigger_configure() == SUCCESS
    assert quiet.count_publishers("/quiet/transition_event") == 0
    quiet.destroy_node()
