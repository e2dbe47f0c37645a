import pytest
from PIL import Image

from policy_nodes.cli import main
from policy_nodes.errors import ConfigError
from training.commands.view import Args, run


def test_a_film_is_written_and_what_happened_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KEEL_RENDERER", "software")
    film = tmp_path / "ant.webp"
    assert main(["view", "Ant", "--video", str(film), "--seconds", "0.3", "--width", "32", "--height", "24"]) == 0
    with Image.open(film) as picture:
        assert picture.size == (32, 24) and picture.n_frames > 1
    assert "6 control steps" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [{"seconds": 0.0}, {"seconds": float("nan")}, {"seed": -1}])
def test_impossible_options_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        run(Args("Ant", **wrong))
