import base64
import json
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_nodes.bundle.keys import raw_public
from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.signature import make_signature, read_signature, signed_text, write_signature
from policy_nodes.bundle.write import update_manifest
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle.resealing import edit_manifest
from tests.policy_nodes.bundle_fixture import make_bundle

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
DIGEST = "ab" * 32


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = make_bundle(tmp_path_factory.mktemp("bundle"))
    write_signature(path, load_bundle(path).manifest.digest, KEY)
    return path


@pytest.fixture
def signed(original, tmp_path):
    return shutil.copytree(original, tmp_path / "tiny.keel")


def test_a_signed_bundle_loads_and_says_by_whom(signed):
    signature = load_bundle(signed).signature
    assert signature.public_key == raw_public(KEY.public_key())
    assert not signature.trusted
    assert len(signature.key_id) == 16
    assert sorted(p.name for p in signed.parent.iterdir()) == ["tiny.keel"]  # nothing temporary is left


def test_the_text_names_its_purpose():
    assert signed_text(DIGEST) == b"keel bundle signature 1\n" + b"ab" * 32 + b"\n"


def test_an_unsigned_bundle_has_none(tmp_path):
    assert load_bundle(make_bundle(tmp_path)).signature is None


def test_a_resealed_edit_is_noticed(signed):
    edit_manifest(signed, lambda raw: raw.update(task="something else"))
    with pytest.raises(BundleError, match="another state of the bundle"):
        load_bundle(signed)


def test_a_resealed_edit_with_the_digest_carried_over_is_noticed(signed):
    edit_manifest(signed, lambda raw: raw.update(task="something else"))
    fields = json.loads((signed / "signature.json").read_text())
    fields["digest"] = json.loads((signed / "manifest.json").read_text())["digest"]
    (signed / "signature.json").write_text(json.dumps(fields))
    with pytest.raises(BundleError, match="does not verify"):
        load_bundle(signed)


def test_another_key_in_place_of_the_signers(signed):
    fields = json.loads((signed / "signature.json").read_text())
    fields["public_key"] = base64.b64encode(raw_public(OTHER.public_key())).decode()
    (signed / "signature.json").write_text(json.dumps(fields))
    with pytest.raises(BundleError, match="does not verify"):
        load_bundle(signed)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b"{}", "exactly the texts"),
        (b"x" * 5000, "larger than"),
        (json.dumps({"algorithm": "ed25519", "digest": 1, "public_key": "", "signature": ""}).encode(), "texts"),
        (json.dumps({"algorithm": "none", "digest": "", "public_key": "", "signature": ""}).encode(), "algorithm"),
        (json.dumps({"algorithm": "ed25519", "digest": "", "public_key": "?", "signature": ""}).encode(), "malformed"),
        (
            json.dumps({"algorithm": "ed25519", "digest": "", "public_key": "AA==", "signature": ""}).encode(),
            "malformed",
        ),
    ],
)
def test_malformed(signed, data, said):
    (signed / "signature.json").write_bytes(data)
    with pytest.raises(BundleError, match=said):
        load_bundle(signed)


def test_a_link_or_a_directory(signed, tmp_path):
    file = signed / "signature.json"
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="not a plain file"):
        load_bundle(signed)
    file.unlink()
    file.symlink_to("/nonexistent")
    with pytest.raises(BundleError, match="not a plain file"):
        load_bundle(signed)
    file.unlink()
    file.mkdir()
    with pytest.raises(BundleError, match="not a plain file"):
        load_bundle(signed)


def test_the_manifest_cannot_list_it(signed):
    edit_manifest(signed, lambda raw: raw["files"].update({"signature.json": "0" * 64}))
    (signed / "signature.json").unlink()
    with pytest.raises(BundleError, match="files lists"):
        load_bundle(signed)


def test_a_change_drops_the_signature(signed):
    changed = update_manifest(load_bundle(signed), task="something else")
    assert changed.signature is None
    assert load_bundle(signed).signature is None


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 63), bit=st.integers(0, 7))
def test_every_bit_of_the_proof_counts(tmp_path_factory, position, bit):
    path = tmp_path_factory.mktemp("signature")
    fields = json.loads(make_signature(DIGEST, KEY))
    proof = bytearray(base64.b64decode(fields["signature"]))
    proof[position] ^= 1 << bit
    fields["signature"] = base64.b64encode(proof).decode()
    (path / "signature.json").write_text(json.dumps(fields))
    with pytest.raises(BundleError, match="does not verify"):
        read_signature(path, DIGEST)
