import pytest

from policy_nodes.bundle.strict_json import parse_json_object


def test_parses_an_object():
    assert parse_json_object(b'{"a": [1, 2.5, "[[[{{{\\"", null]}') == {"a": [1, 2.5, '[[[{{{"', None]}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"{", "Expecting property name"),
        (b"[1]", "expected an object, found list"),
        (b'{"a": 1, "a": 2}', "'a' appears twice"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1e999}', "overflows"),
        (b'{"a": ' + b"1" * 5000 + b"}", "5000 digits"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper"),
    ],
)
def test_refuses(data, said):
    with pytest.raises(ValueError, match=said):
        parse_json_object(data)
