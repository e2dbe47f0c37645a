import pytest

from policy_nodes.rosless.lifecycle.entities import (
    LifecycleState,
    ManagedEntity,
    SimpleManagedEntity,
    TransitionCallbackReturn,
)

pytestmark = pytest.mark.pure

STATE = LifecycleState(label="inactive", state_id=2)


class Valve(SimpleManagedEntity):
    def __init__(self):
        super().__init__()
        self.opened, self.refused = [], 0

    @SimpleManagedEntity.when_enabled
    def open(self, angle):
        """Open the valve."""
        self.opened.append(angle)

    def count(self):
        self.refused += 1


def test_only_while_active():
    valve = Valve()
    valve.open(1)
    assert valve.on_activate(STATE) is TransitionCallbackReturn.SUCCESS and valve.is_activated
    valve.open(2)
    valve.on_deactivate(STATE)
    valve.open(3)
    assert valve.opened == [2] and Valve.open.__doc__ == "Open the valve."


def test_alternative_when_not_active():
    calls = []
    decorator = SimpleManagedEntity.when_enabled(when_not_enabled=lambda: calls.append("off"))
    guarded = decorator(lambda self: calls.append("on"))
    entity = SimpleManagedEntity()
    guarded(entity)
    entity.on_activate(STATE)
    guarded(entity)
    assert calls == ["off", "on"]


def test_defaults_succeed_and_labels():
    entity = ManagedEntity()
    for name in ("configure", "cleanup", "shutdown", "activate", "deactivate", "error"):
        assert getattr(entity, f"on_{name}")(STATE) is TransitionCallbackReturn.SUCCESS
    assert [outcome.to_label() for outcome in TransitionCallbackReturn] == [
        "transition_success",
        "transition_failure",
        "transition_error",
    ]
