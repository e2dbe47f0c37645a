import pytest

from policy_nodes.errors import ConfigError
from training.commands.output import check_output
from training.commands.train_npc import Args as NpcArgs
from training.commands.train_npc import run as train_npc
from training.stl_npc.train import NpcConfig


def test_directories_and_new_paths_are_fine(tmp_path):
    for output in (None, tmp_path, tmp_path / "new", tmp_path / "a" / "b" / "c"):
        check_output(output)
    assert list(tmp_path.iterdir()) == []  # nothing is made


@pytest.mark.parametrize("below", ["", "deeper", "deeper/still"])
def test_a_file_on_the_way_is_named(tmp_path, below):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(ConfigError, match=r"taken' is not a directory") as refused:
        check_output(tmp_path / "taken" / below)
    assert "--output" in refused.value.fix


@pytest.mark.parametrize("command", [("evaluate", "no.keel"), ("evaluate", "no.keel", "--shifted")])
def test_evaluations_are_refused_before_their_first_episode(tmp_path, refused, command):
    (tmp_path / "taken").write_text("mine")
    cause, _ = refused(*command, "--output", tmp_path / "taken")
    assert "taken' is not a directory" in cause
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_controller_is_not_trained_for_a_path_that_cannot_hold_it(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("mine")
    monkeypatch.setattr("training.commands.train_npc.train", lambda *_: pytest.fail("it trained"))
    with pytest.raises(ConfigError, match="not a directory"):
        train_npc(NpcArgs("planar", tmp_path / "taken", NpcConfig(iterations=1)))


def test_a_trained_controller_is_replaced_only_when_told(tmp_path, monkeypatch):
    (tmp_path / "policy.safetensors").write_text("mine")
    trained = []

    def train(*_):
        trained.append(1)
        raise ConfigError("enough", "")

    monkeypatch.setattr("training.commands.train_npc.train", train)
    with pytest.raises(ConfigError, match="already holds a trained controller"):
        train_npc(NpcArgs("planar", tmp_path, NpcConfig(iterations=1)))
    assert not trained and (tmp_path / "policy.safetensors").read_text() == "mine"
    with pytest.raises(ConfigError, match="enough"):
        train_npc(NpcArgs("planar", tmp_path, NpcConfig(iterations=1), overwrite=True))
