"""Transitions of a node without middleware: outcomes, error processing, managed entities, announcements."""

from types import SimpleNamespace

import pytest

from policy_nodes.rosless.exceptions import RCLError
from policy_nodes.rosless.lifecycle.entities import ManagedEntity, TransitionCallbackReturn
from policy_nodes.rosless.lifecycle.transitions import Transitions

pytestmark = pytest.mark.pure

OK, NO, ERROR = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE, TransitionCallbackReturn.ERROR
CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4
SHUTDOWN = {"unconfigured": 5, "inactive": 6, "active": 7}


class Node:
    """Answers each callback with what is planned for it (SUCCESS when nothing is) and keeps a diary."""

    def __init__(self, **plan):
        self.plan, self.diary, self.errors = plan, [], []
        self.transitions = Transitions(self)

    def get_logger(self):
        return SimpleNamespace(error=self.errors.append)

    def __getattr__(self, name):
        if not name.startswith("on_"):
            raise AttributeError(name)

        def callback(state):
            self.diary.append((name, state.label, state.state_id))
            answer = self.plan.get(name, OK)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return callback

    def go(self, *transitions):
        outcomes = [self.transitions.change(number) for number in transitions]
        return outcomes[-1]

    @property
    def state(self):
        return self.transitions.machine.current_state[1]


def test_once_round_with_the_state_before_each_callback():
    node = Node()
    node.go(CONFIGURE, ACTIVATE, DEACTIVATE, CLEANUP)
    assert node.diary == [
        ("on_configure", "unconfigured", 1),
        ("on_activate", "inactive", 2),
        ("on_deactivate", "active", 3),
        ("on_cleanup", "inactive", 2),
    ]
    assert node.state == "unconfigured"


@pytest.mark.parametrize(
    ("path", "callback", "transition", "stays"),
    [
        ([], "on_configure", CONFIGURE, "unconfigured"),
        ([CONFIGURE], "on_activate", ACTIVATE, "inactive"),
        ([CONFIGURE, ACTIVATE], "on_deactivate", DEACTIVATE, "active"),
        ([CONFIGURE], "on_cleanup", CLEANUP, "inactive"),
    ],
)
def test_a_failure_goes_back(path, callback, transition, stays):
    node = Node(**{callback: NO})
    assert node.go(*path, transition) is NO and node.state == stays
    assert [name for name, *_ in node.diary].count("on_error") == 0


@pytest.mark.parametrize("broken", [ERROR, ValueError("valve"), None, True, 97])
def test_errors_exceptions_and_nonsense_are_processed_as_errors(broken):
    plan = {} if isinstance(broken, type(None)) else {"on_activate": broken}
    node = Node(**plan)
    if broken is None:
        node.on_activate = lambda state: None
    assert node.go(CONFIGURE, ACTIVATE) is ERROR
    assert node.state == "unconfigured"
    assert node.diary[-1] == ("on_error", "inactive", 2)
    if broken is not ERROR:
        (said,) = node.errors
        assert "on_activate()" in said and ("valve" in said or "instead of" in said)


@pytest.mark.parametrize("answer", [NO, ERROR, RuntimeError("again")])
def test_an_error_that_cannot_be_processed_ends_the_node(answer):
    node = Node(on_configure=ERROR, on_error=answer)
    assert node.go(CONFIGURE) is ERROR and node.state == "finalized"
    with pytest.raises(RCLError, match="finalized"):
        node.go(CONFIGURE)


@pytest.mark.parametrize("path", [[], [CONFIGURE], [CONFIGURE, ACTIVATE]])
@pytest.mark.parametrize("answer", [OK, NO])
def test_shutdown_ends_the_node_whatever_it_answers(path, answer):
    node = Node(on_shutdown=answer)
    for transition in path:
        node.go(transition)
    before = node.state
    assert node.go(SHUTDOWN[before]) is answer and node.state == "finalized"
    assert node.diary[-1][:2] == ("on_shutdown", before)


def test_a_shutdown_with_an_error_that_was_processed_leaves_an_unconfigured_node():
    node = Node(on_shutdown=ERROR)
    assert node.go(SHUTDOWN["unconfigured"]) is ERROR and node.state == "unconfigured"


@pytest.mark.parametrize("transition", [CLEANUP, ACTIVATE, DEACTIVATE, 6, 7, 10, 97, 0])
def test_what_leads_nowhere_calls_nobody(transition):
    node = Node()
    with pytest.raises(RCLError, match="from state unconfigured"):
        node.go(transition)
    assert node.diary == [] and node.state == "unconfigured"


def test_every_step_is_announced_with_both_states():
    node, sent = Node(on_activate=ERROR), []
    node.transitions.event_publisher = SimpleNamespace(publish=sent.append)
    node.go(CONFIGURE, ACTIVATE)
    assert [(event.start_state.label, event.goal_state.label) for event in sent] == [
        ("unconfigured", "configuring"),
        ("configuring", "inactive"),
        ("inactive", "activating"),
        ("activating", "errorprocessing"),
        ("errorprocessing", "unconfigured"),
    ]
    assert [(event.start_state.id, event.goal_state.id) for event in sent[:2]] == [(1, 10), (10, 2)]
    assert {(event.timestamp, event.transition.id, event.transition.label) for event in sent} == {(0, 0, "")}


class Entity(ManagedEntity):
    def __init__(self, name, diary, answer=OK):
        self.name, self.diary, self.answer = name, diary, answer

    def on_activate(self, state):
        self.diary.append(self.name)
        return self.answer


def test_entities_are_called_in_order_up_to_the_first_that_does_not_succeed():
    node, diary = Node(), []
    for name, answer in (("a", OK), ("b", NO), ("c", OK)):
        node.transitions.entities[Entity(name, diary, answer)] = None
    assert node.transitions.call_entities("on_activate", None) is NO and diary == ["a", "b"]
    assert node.transitions.call_entities("on_configure", None) is OK


def test_an_entity_that_answers_nonsense_is_named():
    node = Node()
    node.transitions.entities[Entity("a", [], answer=True)] = None
    with pytest.raises(TypeError, match=r"on_activate\(\) of .*TransitionCallbackReturn.*True"):
        node.transitions.call_entities("on_activate", None)


def test_entities_may_be_added_while_they_are_called():
    node, diary = Node(), []

    class Adder(Entity):
        def on_activate(self, state):
            node.transitions.entities[Entity("late", diary)] = None
            return super().on_activate(state)

    node.transitions.entities[Adder("first", diary)] = None
    assert node.transitions.call_entities("on_activate", None) is OK and diary == ["first"]
