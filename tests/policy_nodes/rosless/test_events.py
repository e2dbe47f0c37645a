"""Quality-of-service events: DDS statuses to rclpy's info objects, and which callbacks an endpoint gets."""

from types import SimpleNamespace

import pytest
from cyclonedds.core import DDSStatus

from policy_nodes.rosless.event_handler import (
    EventHandler,
    PublisherEventCallbacks,
    QoSLivelinessChangedInfo,
    QoSRequestedDeadlineMissedInfo,
    SubscriptionEventCallbacks,
    UnsupportedEventTypeError,
)
from policy_nodes.rosless.qos import QoSPolicyKind

pytestmark = pytest.mark.pure


class Dds:
    """A DDS entity with statuses to read; reading one clears its flag, as in DDS."""

    def __init__(self, **statuses):
        self.statuses, self.mask = statuses, None
        self.flags = {
            "get_requested_deadline_missed_status": DDSStatus.RequestedDeadlineMissed,
            "get_liveliness_changed_status": DDSStatus.LivelinessChanged,
            "get_requested_incompatible_qos_status": DDSStatus.RequestedIncompatibleQos,
            "get_sample_lost_status": DDSStatus.SampleLost,
            "get_subscription_matched_status": DDSStatus.SubscriptionMatched,
            "get_offered_incompatible_qos_status": DDSStatus.OfferedIncompatibleQos,
        }

    def set_status_mask(self, mask):
        self.mask = mask

    def get_status_changes(self):
        return sum(int(self.flags[name]) for name in self.statuses)

    def __getattr__(self, name):
        if not name.startswith("get_"):
            raise AttributeError(name)
        return lambda: self.statuses.pop(name)


def endpoint(**statuses):
    return SimpleNamespace(dds=Dds(**statuses), entity=77, alive=True)


def handler(where, callbacks):
    (made,) = callbacks.create_event_handlers(None, where, "/speed", "arm")
    return made


def counts(**more):
    return SimpleNamespace(total_count=5, total_count_change=2, **more)


def run(made):
    work = made._take()
    return work if work is None else work()


@pytest.mark.parametrize(
    ("name", "getter", "status", "fields"),
    [
        ("deadline", "get_requested_deadline_missed_status", counts(), {"total_count": 5, "total_count_change": 2}),
        ("message_lost", "get_sample_lost_status", counts(), {"total_count": 5, "total_count_change": 2}),
        (
            "matched",
            "get_subscription_matched_status",
            counts(current_count=1, current_count_change=-1),
            {"total_count": 5, "total_count_change": 2, "current_count": 1, "current_count_change": -1},
        ),
        (
            "liveliness",
            "get_liveliness_changed_status",
            SimpleNamespace(alive_count=1, not_alive_count=2, alive_count_change=-1, not_alive_count_change=3),
            {"alive_count": 1, "not_alive_count": 2, "alive_count_change": -1, "not_alive_count_change": 3},
        ),
        (
            "incompatible_qos",
            "get_requested_incompatible_qos_status",
            counts(last_policy_id=11),
            {"total_count": 5, "total_count_change": 2, "last_policy_kind": QoSPolicyKind.RELIABILITY},
        ),
    ],
)
def test_every_field_of_a_status_arrives(name, getter, status, fields):
    heard = []
    made = handler(endpoint(**{getter: status}), SubscriptionEventCallbacks(**{name: heard.append}))
    run(made)
    (info,) = heard
    assert {key: getattr(info, key) for key in fields} == fields
    assert made._take() is None


@pytest.mark.parametrize(
    ("policy", "kind"),
    [(2, "DURABILITY"), (4, "DEADLINE"), (8, "LIVELINESS"), (11, "RELIABILITY"), (21, "LIFESPAN"), (5, "INVALID")],
)
def test_policies_by_their_dds_number(policy, kind):
    heard = []
    where = endpoint(get_requested_incompatible_qos_status=counts(last_policy_id=policy))
    run(handler(where, SubscriptionEventCallbacks(incompatible_qos=heard.append)))
    assert heard[0].last_policy_kind.name == kind


def test_several_events_come_one_after_the_other():
    heard = []
    where = endpoint(
        get_requested_deadline_missed_status=counts(),
        get_liveliness_changed_status=SimpleNamespace(
            alive_count=0, not_alive_count=1, alive_count_change=-1, not_alive_count_change=1
        ),
    )
    made = handler(where, SubscriptionEventCallbacks(deadline=heard.append, liveliness=heard.append))
    run(made)
    run(made)
    assert [type(info) for info in heard] == [QoSRequestedDeadlineMissedInfo, QoSLivelinessChangedInfo]
    assert made._take() is None


def test_only_wanted_events_wake_the_executor():
    where = endpoint()
    made = handler(where, SubscriptionEventCallbacks(deadline=print, use_default_callbacks=False))
    assert where.dds.mask == int(DDSStatus.RequestedDeadlineMissed)
    assert made._conditions() == (77,)
    where.alive = False
    assert made._conditions() == ()


def test_incompatible_qos_is_warned_about_by_default(capfd):
    where = endpoint(get_offered_incompatible_qos_status=counts(last_policy_id=2))
    run(handler(where, PublisherEventCallbacks()))
    said = capfd.readouterr().err
    assert "[arm]" in said and "'/speed'" in said and "DURABILITY" in said and "No messages will be sent" in said


def test_without_defaults_there_is_nothing_to_wait_for():
    for kind in (PublisherEventCallbacks, SubscriptionEventCallbacks):
        assert kind(use_default_callbacks=False).create_event_handlers(None, endpoint(), "/speed") == []


def test_an_event_that_the_middleware_lacks_is_named():
    for kind in (PublisherEventCallbacks, SubscriptionEventCallbacks):
        with pytest.raises(UnsupportedEventTypeError, match="incompatible_type"):
            kind(incompatible_type=print).create_event_handlers(None, endpoint(), "/speed")


def test_callbacks_are_readable_and_others_are_not():
    callbacks = PublisherEventCallbacks(deadline=print)
    assert callbacks.deadline is print and callbacks.liveliness is None
    with pytest.raises(AttributeError):
        _ = callbacks.message_lost  # of subscriptions only


def test_a_destroyed_handler_and_a_closed_endpoint_deliver_nothing():
    where = endpoint(get_requested_deadline_missed_status=counts())
    made = handler(where, SubscriptionEventCallbacks(deadline=print))
    made.destroy()
    assert made._conditions() == () and made._take() is None
    where.dds = None
    assert EventHandler.__new__(EventHandler)._take.__func__(SimpleNamespace(_endpoint=where)) is None
