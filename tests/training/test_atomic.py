import pytest

from policy_nodes.bundle import write
from training.atomic import replacing_directory, replacing_file, write_file


def names(path):
    return sorted(item.name for item in path.iterdir())


@pytest.mark.parametrize("exchange", [True, False])
def test_a_directory_is_created_and_replaced_whole(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(write, "_exchange", lambda first, second: False)
    target = tmp_path / "deep" / "last"
    for content in ("one", "two"):
        with replacing_directory(target) as temporary:
            (temporary / content).write_text(content)
        assert names(target) == [content] and names(target.parent) == ["last"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_directory_and_nothing_else(tmp_path, error):
    target = tmp_path / "last"
    with replacing_directory(target) as temporary:
        (temporary / "old").touch()
    with pytest.raises(error), replacing_directory(target) as temporary:
        (temporary / "half").touch()
        raise error
    assert names(tmp_path) == ["last"] and names(target) == ["old"]


def test_files_alike(tmp_path):
    target = tmp_path / "deep" / "config.json"
    write_file(target, "größe")
    with pytest.raises(KeyboardInterrupt), replacing_file(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text(encoding="utf-8") == "größe" and names(target.parent) == ["config.json"]
    write_file(target, b"new")
    assert target.read_bytes() == b"new" and names(target.parent) == ["config.json"]
