import pytest

from policy_nodes.bundle.keys import generate_pair, load_private, raw_public
from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.signature import write_signature
from policy_nodes.bundle.trust import load_trusted, trusted_directory
from policy_nodes.bundle.write import update_manifest
from policy_nodes.errors import BundleError, ConfigError
from tests.policy_nodes.bundle_fixture import make_bundle


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path)


@pytest.fixture
def keys(tmp_path):
    """A trusted directory with one key, and the private parts of a trusted and an unknown signer."""
    (tmp_path / "trusted").mkdir(mode=0o755)
    ours, public = generate_pair(tmp_path / "ours.key")
    public.rename(tmp_path / "trusted" / "ours.pub")
    theirs, _ = generate_pair(tmp_path / "theirs.key")
    return tmp_path / "trusted", load_private(ours), load_private(theirs)


def sign(path, key):
    write_signature(path, load_bundle(path, require_signature=False).manifest.digest, key)


def test_unsigned(bundle, keys, monkeypatch):
    trusted, _, _ = keys
    assert load_bundle(bundle).signature is None  # nothing is configured: as before
    with pytest.raises(BundleError, match="is not signed"):
        load_bundle(bundle, trusted_keys=trusted)
    monkeypatch.setenv("KEEL_TRUSTED_KEYS", str(trusted))
    with pytest.raises(BundleError, match="is not signed"):
        load_bundle(bundle)
    assert load_bundle(bundle, require_signature=False).signature is None


def test_signed_by_a_trusted_key(bundle, keys, monkeypatch):
    trusted, ours, _ = keys
    sign(bundle, ours)
    monkeypatch.setenv("KEEL_TRUSTED_KEYS", str(trusted))
    assert load_bundle(bundle).signature.trusted
    assert load_bundle(bundle, require_signature=True).signature.public_key == raw_public(ours.public_key())


def test_signed_by_an_unknown_key(bundle, keys):
    trusted, _, theirs = keys
    sign(bundle, theirs)
    with pytest.raises(BundleError, match=r"does not trust \(it trusts ours.pub") as error:
        load_bundle(bundle, trusted_keys=trusted)
    assert "add the signer's public key" in error.value.fix
    assert not load_bundle(bundle, trusted_keys=trusted, require_signature=False).signature.trusted


def test_a_change_after_signing_is_refused(bundle, keys):
    trusted, ours, _ = keys
    sign(bundle, ours)
    update_manifest(load_bundle(bundle, trusted_keys=trusted), task="something else")
    with pytest.raises(BundleError, match="is not signed"):
        load_bundle(bundle, trusted_keys=trusted)


def test_required_without_any_trusted_key(bundle, monkeypatch):
    monkeypatch.delenv("KEEL_TRUSTED_KEYS", raising=False)
    with pytest.raises(ConfigError, match="no trusted keys are configured"):
        load_bundle(bundle, require_signature=True)


def test_directory_of_the_environment(tmp_path):
    assert trusted_directory({}) is None
    assert trusted_directory({"KEEL_TRUSTED_KEYS": "  "}) is None
    assert trusted_directory({"KEEL_TRUSTED_KEYS": str(tmp_path)}) == tmp_path


def test_unusable_directories_fail_closed(bundle, keys, tmp_path):
    trusted, _, _ = keys
    with pytest.raises(ConfigError, match="not a directory"):
        load_bundle(bundle, trusted_keys=tmp_path / "none")
    (tmp_path / "empty").mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="holds no trusted key"):
        load_trusted(tmp_path / "empty")
    (trusted / "junk.pub").write_text("junk")
    with pytest.raises(ConfigError, match=r"junk.pub' is not a public key"):
        load_trusted(trusted)
    (trusted / "junk.pub").unlink()
    (trusted / "ours.pub").chmod(0o666)
    with pytest.raises(ConfigError, match="written by everybody"):
        load_trusted(trusted)
    (trusted / "ours.pub").chmod(0o644)
    trusted.chmod(0o777)
    with pytest.raises(ConfigError, match="written by everybody"):
        load_trusted(trusted)
