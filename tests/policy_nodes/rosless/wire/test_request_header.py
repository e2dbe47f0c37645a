import pytest

from policy_nodes.rosless.decode import decode
from policy_nodes.rosless.idl import deserialize, serialize, service_class
from policy_nodes.rosless.wire.request_header import RequestId, identity, unwrap, wrap

pytestmark = pytest.mark.pure


def test_layout_by_hand():
    data = wrap(RequestId(0x0102030405060708, -2), b"\0\1\0\0payload")
    assert data == b"\0\1\0\0" + bytes([8, 7, 6, 5, 4, 3, 2, 1]) + b"\xfe" + b"\xff" * 7 + b"payload"
    assert unwrap(data) == (RequestId(0x0102030405060708, -2), b"\0\1\0\0payload")


def test_payload_survives():
    response = service_class("std_srvs/srv/SetBool").Response(success=True, message="done")
    request_id, data = unwrap(wrap(RequestId(2**64 - 1, 7), serialize(response)))
    assert request_id == RequestId(2**64 - 1, 7)
    assert deserialize(type(response), data) == response


def test_short_data_decodes_to_nothing():
    request_id, data = unwrap(b"\0\1\0\0" + b"\1" * 15)
    assert request_id == RequestId(0, 0)
    assert decode(service_class("std_srvs/srv/Empty").Request, data, "/x") is None


def test_identity_is_dotted_hexadecimal():
    assert identity(bytes([1, 16, 255])) == "1.10.ff"
