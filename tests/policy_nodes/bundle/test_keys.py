import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policy_nodes.bundle.keys import fingerprint, generate_pair, load_private, load_public, raw_public
from policy_nodes.errors import ConfigError

# RFC 8032, section 7.1, test 1: an external vector, so that "a key" means the same here as elsewhere.
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
OF_NOTHING = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655"
    "141438e7a100b"
)


def test_the_rfc_vector():
    key = Ed25519PrivateKey.from_private_bytes(SECRET)
    assert raw_public(key.public_key()) == PUBLIC
    assert key.sign(b"").hex() == OF_NOTHING
    assert fingerprint(PUBLIC) == "21fe31dfa154a261"  # sha256sum of the 32 bytes


def test_a_pair_reads_back_and_belongs_together(tmp_path):
    private, public = generate_pair(tmp_path / "release.key")
    assert public == tmp_path / "release.pub"
    assert private.stat().st_mode & 0o777 == 0o600
    assert raw_public(load_private(private).public_key()) == raw_public(load_public(public))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release.key", "release.pub"]


def test_keys_are_never_overwritten(tmp_path):
    generate_pair(tmp_path / "a.key")
    before = (tmp_path / "a.key").read_bytes()
    with pytest.raises(ConfigError, match="exists already"):
        generate_pair(tmp_path / "a.key")
    assert (tmp_path / "a.key").read_bytes() == before
    with pytest.raises(ConfigError, match="names the public key"):
        generate_pair(tmp_path / "b.pub")


def test_password(tmp_path):
    private, _ = generate_pair(tmp_path / "a.key", b"secret")
    assert b"ENCRYPTED" in private.read_bytes()
    load_private(private, b"secret")
    for wrong in (b"other", None):
        with pytest.raises(ConfigError, match="KEEL_KEY_PASSWORD"):
            load_private(private, wrong)


def test_what_is_no_private_key(tmp_path):
    private, public = generate_pair(tmp_path / "a.key")
    private.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_private(private)
    public.chmod(0o600)
    with pytest.raises(ConfigError, match="not a private key"):
        load_private(public)
    with pytest.raises(ConfigError, match="cannot read"):
        load_private(tmp_path / "none.key")
    big = tmp_path / "big.key"
    big.write_bytes(b"x" * 20_000)
    with pytest.raises(ConfigError, match="too large"):
        load_public(big)


def test_another_kind_of_key(tmp_path):
    key = Ed448PrivateKey.generate()
    path = tmp_path / "other.key"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="not an Ed25519 key"):
        load_private(path)
    path.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ConfigError, match="not an Ed25519 key"):
        load_public(path)
