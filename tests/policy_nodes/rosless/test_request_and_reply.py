"""Services and clients over a wire that is two lists: pairing, lost replies, damaged requests."""

from types import SimpleNamespace

import pytest

from policy_nodes.rosless.client import Client
from policy_nodes.rosless.context import Context
from policy_nodes.rosless.idl import HEADER, deserialize, serialize, service_class
from policy_nodes.rosless.qos import qos_profile_services_default
from policy_nodes.rosless.service import RequestHeader, Service
from policy_nodes.rosless.wire.request_header import RequestId, unwrap, wrap

pytestmark = pytest.mark.pure

SetBool = service_class("std_srvs/srv/SetBool")
CLIENT = 0xFEDCBA9876543210  # a uint64 that does not fit in int64


class Reader:
    condition, alive = 5, True

    def __init__(self):
        self.inbox, self.matched, self.ids = [], {}, set()

    def take(self):
        return self.inbox.pop(0) if self.inbox else None

    def receive(self, data, handle=0):
        self.inbox.append((data, SimpleNamespace(publication_handle=handle)))

    def matched_value(self, instance, key):
        assert key == "clientid"
        return (instance in self.matched, self.matched.get(instance))

    def matched_values(self, key):
        return self.ids

    def count_writers(self):
        return len(self.ids)

    def close(self):
        self.alive = False


class Writer:
    def __init__(self, instance=CLIENT):
        self.instance, self.sent, self.ids, self.open = instance, [], set(), True

    def write(self, data):
        self.sent.append(data)

    def matched_values(self, key):
        return self.ids

    def count_readers(self):
        return len(self.ids)

    def close(self):
        self.open = False


@pytest.fixture
def context():
    context = Context()
    context.init([], initialize_logging=False, domain_id=7)
    yield context
    context.try_shutdown()


@pytest.fixture
def client(context):
    client = Client(context, Reader(), Writer(), SetBool, "/lamp", qos_profile_services_default, None)
    client.sent = client._writer.sent
    return client


def reply(sequence, message="done", client=CLIENT):
    return wrap(RequestId(client, sequence), serialize(SetBool.Response(success=True, message=message)))


def deliver(client, data):
    client._reader.receive(data)
    work = client._take()
    if work is not None:
        work()
    return work


def test_requests_are_numbered_from_one_and_carry_the_writers_identity(client):
    client.call_async(SetBool.Request(data=True))
    client.call_async(SetBool.Request(data=False))
    requests = [unwrap(data) for data in client.sent]
    assert [identity for identity, _ in requests] == [RequestId(CLIENT, 1), RequestId(CLIENT, 2)]
    assert [deserialize(SetBool.Request, payload).data for _, payload in requests] == [True, False]


def test_replies_find_their_request_in_any_order(client):
    first, second = client.call_async(SetBool.Request()), client.call_async(SetBool.Request())
    deliver(client, reply(2, "b"))
    assert not first.done() and second.result().message == "b"
    deliver(client, reply(1, "a"))
    assert first.result().message == "a" and client._pending == {}


def test_replies_to_others_and_second_replies_are_none_of_its_business(client):
    future = client.call_async(SetBool.Request())
    assert deliver(client, reply(1, client=CLIENT - 1)) is None and not future.done()
    assert deliver(client, reply(7)) is None
    deliver(client, reply(1, "first"))
    assert deliver(client, reply(1, "second")) is None and future.result().message == "first"


@pytest.mark.parametrize("damage", [lambda d: d[:-2], lambda d: d[:3], lambda d: b"", lambda d: b"\0\0" + d[2:]])
def test_a_damaged_reply_leaves_the_request_open(client, damage, capfd):
    future = client.call_async(SetBool.Request())
    assert deliver(client, damage(reply(1))) is None and not future.done()
    deliver(client, reply(1))
    assert future.done()


def test_a_request_of_another_type_is_refused_before_it_is_sent(client):
    with pytest.raises(TypeError, match="SetBool_Request"):
        client.call_async(SetBool.Response())
    assert client.sent == [] and client._pending == {}


def test_a_call_that_nobody_answers_is_forgotten(client):
    with pytest.raises(TimeoutError, match=r"'/lamp' within 0\.0 s"):
        client.call(SetBool.Request(), timeout_sec=0.0)
    assert client._pending == {}


def test_a_call_ends_with_the_context(client, context):
    context.shutdown()
    assert client.call(SetBool.Request()) is None and client._pending == {}


def test_a_reply_that_is_there_before_the_request_was_written_is_not_lost(client):
    client._writer.write = lambda data: deliver(client, reply(1, "there"))
    assert client.call(SetBool.Request(), timeout_sec=5.0).message == "there"


def test_pending_requests_by_number(client):
    future = client.call_async(SetBool.Request())
    assert client.get_pending_request(1) is future
    client.remove_pending_request(future)
    with pytest.raises(KeyError):
        client.get_pending_request(1)


@pytest.mark.parametrize(
    ("requests", "replies", "ready"),
    [
        (set(), set(), False), ({"s1"}, set(), False), (set(), {"s1"}, False), ({"s1"}, {"s1"}, True),
        ({"s1"}, {"s2"}, False),  # two half-discovered servers are no server
        ({"s1", "s2"}, {"s2"}, True),
    ],
)  # fmt: skip
def test_a_server_is_there_when_both_its_ends_are(client, requests, replies, ready):
    client._writer.ids, client._reader.ids = requests, replies
    assert client.service_is_ready() is ready
    assert client.wait_for_service(timeout_sec=0.0) is ready


def test_destroying_closes_both_ends(client):
    client.destroy()
    assert not client._writer.open and client._conditions() == ()


@pytest.fixture
def service(capfd):
    said = []
    node = SimpleNamespace(get_logger=lambda: SimpleNamespace(warning=said.append))

    def switch(request, response):
        response.success, response.message = request.data, "on" if request.data else "off"
        return response

    service = Service(Reader(), Writer(9), SetBool, "/lamp", switch, None, qos_profile_services_default, node)
    service.said, service.sent = said, service._writer.sent
    return service


def ask(service, data, handle=-1):
    service._reader.receive(data, handle)
    work = service._take()
    return None if work is None else work()


def request(on=True, number=3):
    return wrap(RequestId(CLIENT, number), serialize(SetBool.Request(data=on)))


def test_the_answer_echoes_the_identity(service):
    service._reader.matched = {2**64 - 1: None}  # the handle came signed
    ask(service, request(number=41))
    identity, payload = unwrap(service.sent[0])
    assert identity == RequestId(CLIENT, 41)
    assert deserialize(SetBool.Response, payload) == SetBool.Response(success=True, message="on")


def test_an_answer_waits_for_the_clients_reader(service):
    service._reader.matched, service._writer.ids = {5: "c1"}, {"c1"}
    ask(service, request(), handle=5)
    assert len(service.sent) == 1
    service._writer.ids = set()  # once reached, it is not asked for again
    ask(service, request(), handle=5)
    assert len(service.sent) == 2 and service.said == []


def test_an_answer_to_a_client_that_left_is_not_sent(service):
    ask(service, request(), handle=5)
    assert service.sent == [] and service.said == []


@pytest.mark.parametrize("data", [b"", HEADER, request()[:-1], request()[:20], b"\0\0\0\0" + request()[4:]])
def test_a_damaged_request_reaches_no_callback(service, data):
    service.callback = lambda *_: pytest.fail("called")
    assert ask(service, data) is None and service.sent == []


def test_a_callback_that_returns_something_else_is_named(service):
    service.callback = lambda request, response: True
    with pytest.raises(TypeError, match="service '/lamp' must return"):
        ask(service, request())


def test_a_coroutine_answers_when_it_is_done(service):
    service._reader.matched = {2**64 - 1: None}

    async def later(request, response):
        response.message = "later"
        return response

    service.callback = later
    pending = ask(service, request())
    assert service.sent == []
    with pytest.raises(StopIteration):
        pending.send(None)
    assert deserialize(SetBool.Response, unwrap(service.sent[0])[1]).message == "later"


def test_the_memory_of_reached_clients_is_bounded(service, monkeypatch):
    monkeypatch.setattr("policy_nodes.rosless.service._MOST_CLIENTS", 3)
    service._reader.matched = dict.fromkeys(range(10))
    for handle in range(10):
        service.send_response(SetBool.Response(), RequestHeader(RequestId(1, 1), handle))
    assert len(service.sent) == 10 and len(service._reached) <= 3
