import json

import pytest

from policy_nodes.cli import main
from tests.policy_nodes.bundle.resealing import edit_manifest
from tests.policy_nodes.bundle_fixture import make_bundle

pytestmark = pytest.mark.pure


@pytest.fixture
def pair(tmp_path):
    return make_bundle(tmp_path, name="old.keel"), make_bundle(tmp_path, name="new.keel")


def test_the_same(pair, capsys):
    assert main(["diff", *map(str, pair)]) == 0
    assert "are the same" in capsys.readouterr().out
    assert main(["diff", *map(str, pair), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["same"] and value["same_behaviour"] and value["differences"] == []


def test_different(pair, capsys):
    edit_manifest(pair[1], lambda raw: raw["actions"]["terms"][0]["damping"].__setitem__(0, 1.0))
    edit_manifest(pair[1], lambda raw: raw.update(task="another"))
    assert main(["diff", *map(str, pair)]) == 1
    text = capsys.readouterr().out
    assert text.index("the robot moves differently") < text.index("damping[panda_joint1]") < text.index("record: ")
    assert main(["diff", *map(str, pair), "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert [row["impact"] for row in value["differences"]] == ["motion", "record"]
    assert value["differences"][0]["before"] == 40.0
    assert not value["same"] and not value["same_behaviour"]


def test_a_broken_bundle_is_an_error(pair, capsys):
    (pair[1] / "policy.onnx").write_bytes(b"x")
    assert main(["diff", *map(str, pair)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "new.keel" in captured.err
