import json

import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.cli import main
from tests.policy_nodes.bundle_fixture import make_bundle

pytestmark = pytest.mark.pure


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path)


@pytest.fixture
def key(tmp_path):
    assert main(["sign", "--generate", str(tmp_path / "release.key")]) == 0
    (tmp_path / "trusted").mkdir(mode=0o755)
    (tmp_path / "release.pub").rename(tmp_path / "trusted" / "release.pub")
    return tmp_path / "release.key"


def test_generate_sign_verify(bundle, key, tmp_path, capsys):
    assert main(["sign", str(bundle), "--key", str(key)]) == 0
    assert "signed" in capsys.readouterr().out
    trusted = ["--trusted-keys", str(tmp_path / "trusted"), "--calls", "5", "--json"]
    assert main(["verify", str(bundle), *trusted]) == 0
    row = json.loads(capsys.readouterr().out)["checks"][1]
    assert (row["item"], row["status"]) == ("signature", "ok")
    assert load_bundle(bundle).signature.key_id in row["detail"]


def test_verify_of_unsigned_unknown_and_forged(bundle, key, tmp_path, capsys):
    trusted = ["--trusted-keys", str(tmp_path / "trusted"), "--calls", "5", "--json"]

    def signature(*options):
        code = main(["verify", str(bundle), "--calls", "5", "--json", *options])
        rows = json.loads(capsys.readouterr().out)["checks"]
        assert [row["item"] for row in rows][-1] == "sim2sim"  # the other items are judged all the same
        return code, rows[1]["status"]

    capsys.readouterr()
    assert signature() == (0, "skip")
    assert signature("--require-signature") == (1, "fail")
    assert signature(*trusted) == (1, "fail")
    assert main(["sign", str(bundle), "--generate", str(tmp_path / "unknown.key")]) == 0
    capsys.readouterr()
    assert signature() == (0, "warn")
    assert signature(*trusted) == (1, "fail")
    (bundle / "signature.json").write_text("{}")
    assert signature() == (1, "fail")


def test_a_robot_that_trusts_refuses_what_was_changed_after_signing(bundle, key, tmp_path, monkeypatch, capsys):
    main(["sign", str(bundle), "--key", str(key)])
    monkeypatch.setenv("KEEL_TRUSTED_KEYS", str(tmp_path / "trusted"))
    assert load_bundle(bundle).signature.trusted
    assert main(["sign", str(bundle), "--generate", str(tmp_path / "unknown.key")]) == 0
    assert main(["verify", str(bundle), "--calls", "5"]) == 1
    assert "does not trust" in capsys.readouterr().out


def test_a_password_protects_the_key(bundle, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KEEL_KEY_PASSWORD", "secret")
    assert main(["sign", "--generate", str(tmp_path / "a.key")]) == 0
    assert "encrypted)" in capsys.readouterr().out
    assert main(["sign", str(bundle), "--key", str(tmp_path / "a.key")]) == 0
    monkeypatch.delenv("KEEL_KEY_PASSWORD")
    assert main(["sign", str(bundle), "--key", str(tmp_path / "a.key")]) == 1
    assert "KEEL_KEY_PASSWORD" in capsys.readouterr().err


def test_wrong_usage(bundle, key, capsys):
    assert main(["sign"]) == 1
    assert main(["sign", str(bundle)]) == 1
    assert main(["sign", str(bundle), "--key", str(key), "--generate", str(key)]) == 1
    (bundle / "policy.onnx").write_bytes(b"x")
    assert main(["sign", str(bundle), "--key", str(key)]) == 1
    assert "SHA-256 differs" in capsys.readouterr().err
    assert not (bundle / "signature.json").exists()
