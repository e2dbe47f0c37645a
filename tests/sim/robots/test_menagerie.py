import pytest

from sim.errors import RobotAssetsError
from sim.robots import menagerie
from sim.robots.menagerie import menagerie_file, menagerie_path


def test_the_panda_of_the_wheel_comes_with_its_licence(monkeypatch):
    monkeypatch.delenv("MENAGERIE_ROOT", raising=False)
    path = menagerie_path("franka_emika_panda")
    assert (path / "panda.xml").is_file() and (path / "LICENSE").is_file()


def test_the_environment_variable_takes_precedence(tmp_path, monkeypatch):
    (tmp_path / "my_robot").mkdir()
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    assert menagerie_path("my_robot") == tmp_path / "my_robot"


def test_a_robot_missing_under_the_override_is_not_taken_from_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    with pytest.raises(RobotAssetsError, match="MENAGERIE_ROOT") as caught:
        menagerie_path("franka_emika_panda")
    assert "unset it" in caught.value.fix


def test_a_missing_wheel_says_how_to_install_it(monkeypatch):
    monkeypatch.delenv("MENAGERIE_ROOT", raising=False)
    monkeypatch.setattr(menagerie, "ASSET_PACKAGES", ("a_wheel_that_is_not_installed",))
    with pytest.raises(RobotAssetsError) as caught:
        menagerie_path("franka_emika_panda")
    assert "franka_emika_panda" in caught.value.cause and "pip install" in caught.value.fix


def test_an_unknown_robot_is_answered_with_the_known_ones(monkeypatch):
    monkeypatch.delenv("MENAGERIE_ROOT", raising=False)
    with pytest.raises(RobotAssetsError, match="franka_emika_panda"):
        menagerie_path("hal_9000")


def test_a_missing_file_is_named(monkeypatch):
    monkeypatch.delenv("MENAGERIE_ROOT", raising=False)
    assert menagerie_file("franka_emika_panda", "panda.xml").name == "panda.xml"
    with pytest.raises(RobotAssetsError, match=r"arm\.xml"):
        menagerie_file("franka_emika_panda", "arm.xml")
