import json

import pytest

from policy_nodes.bundle.hashing import canonical_json, manifest_digest, sha256_bytes, sha256_file

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4 example
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_published_vectors(tmp_path):
    assert sha256_bytes(b"abc") == ABC
    assert sha256_bytes(b"") == EMPTY
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256_file(tmp_path / "f") == ABC


def test_file_longer_than_one_block(tmp_path):
    data = bytes(range(256)) * 8193
    (tmp_path / "f").write_bytes(data)
    assert sha256_file(tmp_path / "f") == sha256_bytes(data)


def test_canonical_json_has_one_spelling():
    assert canonical_json({"b": [1, 0.1, True, None], "a": "é"}) == b'{"a":"\\u00e9","b":[1,0.1,true,null]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_canonical_json_refuses_non_finite_numbers(value):
    with pytest.raises(ValueError, match="JSON"):
        canonical_json([value])


def test_digest_ignores_itself_and_the_order_of_keys_and_nothing_else():
    fields = {"a": 1, "b": 2}
    assert manifest_digest(fields) == sha256_bytes(b'{"a":1,"b":2}')
    assert manifest_digest({"b": 2, "digest": "x", "a": 1}) == manifest_digest(fields)
    assert manifest_digest({"a": 1, "b": 3}) != manifest_digest(fields)


def test_digest_survives_a_round_trip_through_text():
    fields = {"x": 0.1 + 0.2, "y": 1e-300, "z": -0.0}
    assert manifest_digest(json.loads(json.dumps(fields))) == manifest_digest(fields)
