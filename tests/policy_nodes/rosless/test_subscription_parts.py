"""What a subscription calls, told by the callback's own signature, and what it does with bytes that are no message."""

import functools
from types import SimpleNamespace

import pytest

from policy_nodes.rosless.idl import message_class, serialize
from policy_nodes.rosless.node_entities import _profile, _wire_topic
from policy_nodes.rosless.node_state import NodeState
from policy_nodes.rosless.qos import HistoryPolicy, QoSProfile, qos_profile_sensor_data
from policy_nodes.rosless.subscription import Subscription, _callback_type

pytestmark = pytest.mark.pure

Bool = message_class("std_msgs/msg/Bool")
ONE, TWO = Subscription.CallbackType.MessageOnly, Subscription.CallbackType.WithMessageInfo
NODE = SimpleNamespace(get_logger=lambda: SimpleNamespace(name="arm"))


class Callable:
    def __call__(self, message):
        """One argument beside self."""

    def method(self, message, info):
        """Two."""


@pytest.mark.parametrize(
    ("callback", "kind"),
    [
        (lambda m: None, ONE), (lambda m, i: None, TWO), (lambda m, i=None: None, ONE), (lambda *a: None, ONE),
        (Callable(), ONE), (Callable().method, TWO), (functools.partial(lambda a, m, i: None, 1), TWO),
        (functools.partial(lambda m, i: None, i=3), ONE),
    ],
)  # fmt: skip
def test_one_argument_or_two(callback, kind):
    assert _callback_type(callback) is kind


@pytest.mark.parametrize("callback", [lambda: None, lambda a, b, c: None, lambda *, m: None])
def test_what_takes_neither_is_refused(callback):
    with pytest.raises(RuntimeError, match="one argument"):
        _callback_type(callback)


def subscription(callback, inbox, raw=False):
    info = SimpleNamespace(source_timestamp=12345)
    reader = SimpleNamespace(take=lambda: (inbox.pop(0), info) if inbox else None, alive=True, condition=4)
    return Subscription(reader, Bool, "/lamp", callback, None, qos_profile_sensor_data, NODE, raw)


def run(made):
    work = made._take()
    return None if work is None else work()


def test_messages_with_and_without_their_stamps():
    heard = []
    run(subscription(heard.append, [serialize(Bool(data=True))]))
    run(subscription(lambda *both: heard.append(both), [serialize(Bool(data=True))]))
    run(subscription(lambda m, i: heard.append((m, i)), [serialize(Bool(data=False))]))
    assert heard[0] == Bool(data=True) and heard[1] == (Bool(data=True),)
    assert heard[2] == (Bool(data=False), {"source_timestamp": 12345, "received_timestamp": 12345})


def test_raw_bytes_are_handed_on_unread():
    heard = []
    run(subscription(heard.append, [b"anything"], raw=True))
    assert heard == [b"anything"]


def test_bytes_that_are_no_message_are_dropped_and_the_next_is_heard(capfd):
    heard = []
    made = subscription(heard.append, [b"\0\1\0\0", serialize(Bool(data=True))])
    assert made._take() is None and "/lamp" in capfd.readouterr().err
    run(made)
    assert heard == [Bool(data=True)] and made._take() is None


def test_another_callback_may_take_another_number_of_arguments():
    heard = []
    made = subscription(heard.append, [serialize(Bool()), serialize(Bool())])
    run(made)
    made.callback = lambda m, i: heard.append(i["source_timestamp"])
    run(made)
    assert heard == [Bool(), 12345]


def test_a_number_is_a_depth():
    profile = _profile(7)
    assert (profile.depth, profile.history) == (7, HistoryPolicy.KEEP_LAST)
    assert _profile(qos_profile_sensor_data) is qos_profile_sensor_data
    with pytest.raises(ValueError, match="greater than or equal to zero"):
        _profile(-1)
    for wrong in (True, 1.0, "10", None):
        with pytest.raises(TypeError, match="QoSProfile or int"):
            _profile(wrong)


def test_the_names_on_the_wire():
    assert _wire_topic("/a/b", QoSProfile(depth=1)) == "rt/a/b"
    assert _wire_topic("/a/b", QoSProfile(depth=1, avoid_ros_namespace_conventions=True)) == "/a/b"


class Owned:
    def __init__(self, name, log, handlers=()):
        self.name, self.log, self.event_handlers = name, log, list(handlers)

    def destroy(self):
        self.log.append(self.name)


def state(namespace="/ns", name="arm", remaps=()):
    return NodeState(None, name, namespace, list(remaps), None, None)


def test_an_executor_waits_in_rclpys_order():
    own, log = state(), []
    own.publishers.append(Owned("p", log, ["event of p"]))
    own.subscriptions.append(Owned("s", log, ["event of s"]))
    for kind in ("timers", "guards", "clients", "services"):
        getattr(own, kind).append(kind)
    first, second, timer, subscription_, guard, client, service = own.waitables()
    assert (first, second, timer) == ("event of p", "event of s", "timers")
    assert (subscription_.name, guard, client, service) == ("s", "guards", "clients", "services")


def test_everything_is_destroyed_once_publishers_last():
    own, log = state(), []
    for kind in ("publishers", "subscriptions", "clients", "services", "timers", "guards"):
        getattr(own, kind).append(Owned(kind, log))
    own.destroy_entities()
    own.destroy_entities()
    assert sorted(log) == sorted({"publishers", "subscriptions", "clients", "services", "timers", "guards"})
    assert log[0] == "timers" and log[-1] == "publishers" and own.waitables() == []


def test_a_nodes_logger_has_dots_for_slashes():
    assert state("/", "arm").logger.name == "arm" and state("/a/b", "arm").logger.name == "a.b.arm"


def test_an_executor_that_is_gone_is_none():
    import weakref

    class Executor:
        woken = 0

        def wake(self):
            self.woken += 1

    own, executor = state(), Executor()
    own.wake_executor()
    own.executor = weakref.ref(executor)
    own.wake_executor()
    assert executor.woken == 1 and own.current_executor() is executor
    own.forget_executor(Executor())
    assert own.current_executor() is executor
    own.forget_executor(executor)
    assert own.current_executor() is None
