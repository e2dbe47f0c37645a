"""The life of a context: nothing here opens DDS, which happens with the first node."""

import pytest

from policy_nodes.rosless.context import Context, interrupt_all
from policy_nodes.rosless.errors import DomainError
from policy_nodes.rosless.exceptions import NotInitializedException, RCLError, RCLInvalidROSArgsError

pytestmark = pytest.mark.pure


@pytest.fixture
def context():
    context = Context()
    context.init([], initialize_logging=False, domain_id=7)
    yield context
    context.try_shutdown()


class Guard:
    def __init__(self):
        self.count = 0

    def set(self):
        self.count += 1


def test_before_init():
    context = Context()
    assert not context.ok() and context.handle is None
    with pytest.raises(RuntimeError, match="must be initialized"):
        context.get_domain_id()
    with pytest.raises(RuntimeError, match="must be initialized"):
        context.shutdown()
    with pytest.raises(NotInitializedException):
        context.session()
    context.try_shutdown()
    assert context.handle is None  # still unused


def test_init_once(context):
    assert context.ok() and context.handle is context and context.get_domain_id() == 7
    with pytest.raises(RuntimeError, match="only be called once"):
        context.init([], domain_id=7)


def test_the_domain_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "42")
    context = Context()
    context.init([], initialize_logging=False)
    assert context.get_domain_id() == 42
    context.try_shutdown()


@pytest.mark.parametrize(
    ("arguments", "domain", "error"),
    [
        ([], -1, RuntimeError), ([], 233, DomainError), (["--ros-args", "-r", "x"], 7, RCLInvalidROSArgsError),
    ],
)  # fmt: skip
def test_a_refused_init_can_be_repeated(arguments, domain, error):
    context = Context()
    with pytest.raises(error):
        context.init(arguments, initialize_logging=False, domain_id=domain)
    assert not context.ok()
    context.init([], initialize_logging=False, domain_id=7)
    assert context.ok()
    context.try_shutdown()


def test_shutdown_runs_each_callback_once(context):
    called = []
    context.on_shutdown(lambda: called.append("early"))
    context.shutdown()
    assert not context.ok() and called == ["early"]
    context.on_shutdown(lambda: called.append("late"))  # at once: the time is past
    context.try_shutdown()
    with pytest.raises(RCLError, match="already called"):
        context.shutdown()
    assert called == ["early", "late"]


def test_callbacks_see_a_context_that_is_not_ok(context):
    seen = []
    context.on_shutdown(lambda: seen.append(context.ok()))
    context.shutdown()
    assert seen == [False]


def test_bound_methods_do_not_keep_their_object_alive(context):
    class Owner:
        def method(self):
            raise AssertionError("called after its owner's end")

    context.on_shutdown(Owner().method)
    context.shutdown()


def test_what_cannot_be_called_is_refused(context):
    with pytest.raises(TypeError, match="callable"):
        context.on_shutdown("x")


def test_a_signal_wakes_every_wait_and_leaves_the_callbacks_to_shutdown(context):
    called, guard = [], Guard()
    context.on_shutdown(lambda: called.append(1))
    context.track_guard(guard)
    interrupt_all()
    assert not context.ok() and guard.count == 1 and called == []
    interrupt_all()
    assert guard.count == 1
    with pytest.raises(RCLError):
        context.shutdown()  # rclpy says so too when a signal came first
    assert called == [1]


def test_a_guard_that_comes_late_is_set_at_once(context):
    context.shutdown()
    guard = Guard()
    context.track_guard(guard)
    assert guard.count == 1


def test_nodes_are_destroyed_once(context):
    class Node:
        destroyed = 0

        def destroy_node(self):
            self.destroyed += 1
            context.untrack_node(self)

    kept, gone = Node(), Node()
    context.track_node(kept)
    context.track_node(gone)
    context.untrack_node(gone)
    context.shutdown()
    assert (kept.destroyed, gone.destroyed) == (1, 0)


def test_as_a_context_manager(monkeypatch):
    monkeypatch.setattr("sys.argv", ["program"])
    with Context() as context:
        assert context.ok()
    assert not context.ok()
