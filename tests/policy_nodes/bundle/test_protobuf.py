import pytest

from policy_nodes.bundle import protobuf as pb


def walk(data: bytes) -> list[tuple[int, int, object]]:
    return [(n, k, bytes(v) if isinstance(v, memoryview) else v) for n, k, v in pb.fields(memoryview(data))]


def test_examples_of_the_specification():
    assert walk(b"\x08\x96\x01") == [(1, pb.VARINT, 150)]
    assert walk(b"\x12\x07testing") == [(2, pb.BYTES, b"testing")]
    assert walk(b"\x1d\x01\x02\x03\x04") == [(3, pb.FIXED32, b"\x01\x02\x03\x04")]
    assert walk(b"\x21" + bytes(8)) == [(4, pb.FIXED64, bytes(8))]


def test_negative_and_packed_integers():
    assert pb.integers(pb.VARINT, (1 << 64) - 1) == [-1]
    assert pb.integers(pb.BYTES, memoryview(b"\x03\x8e\x02\x9e\xa7\x05")) == [3, 270, 86942]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x08", "truncated integer"),
        (b"\x08" + b"\xff" * 11, "longer than 64"),
        (b"\x12\x05abc", "truncated field"),
        (b"\x00\x01", "field number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x1d\x01", "truncated field"),
    ],
)
def test_refuses(data, said):
    with pytest.raises(pb.WireError, match=said):
        walk(data)


def test_wrong_kind_of_field_is_an_error_not_a_crash():
    with pytest.raises(pb.WireError):
        pb.view(3)
    with pytest.raises(pb.WireError):
        pb.number(memoryview(b"x"))
    with pytest.raises(pb.WireError):
        pb.text(memoryview(b"\xff"))
    with pytest.raises(pb.WireError):
        pb.integers(pb.FIXED32, memoryview(b"abcd"))
