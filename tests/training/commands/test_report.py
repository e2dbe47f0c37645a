from pathlib import Path

import pytest
import tyro

from policy_nodes.errors import KeelError
from tests.training.report.synthetic import write_training
from training.commands import report
from training.commands.report import Args, run


def test_options_as_typed():
    assert tyro.cli(Args, args=["runs/demo"]) == Args(Path("runs/demo"))
    assert tyro.cli(Args, args=["runs/demo", "--output", "a.html"]) == Args(Path("runs/demo"), Path("a.html"))


def test_the_run_directory_is_required(capsys):
    with pytest.raises(SystemExit):
        tyro.cli(Args, args=[])
    assert "RUN" in capsys.readouterr().err.upper()


def test_the_module_explains_itself_with_examples():
    assert report.__doc__ is not None and "Examples:" in report.__doc__


def test_page_lies_in_the_run_directory_or_where_asked(tmp_path, capsys):
    write_training(tmp_path)
    assert run(Args(tmp_path)) == 0
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert str(tmp_path / "report.html") in capsys.readouterr().out
    other = tmp_path / "panda.html"
    assert run(Args(tmp_path, other)) == 0
    assert other.is_file()


@pytest.mark.parametrize("output", ["", "missing/page.html"])
def test_an_output_that_cannot_be_written_is_named(tmp_path, output):
    write_training(tmp_path)
    with pytest.raises(KeelError) as caught:
        run(Args(tmp_path, tmp_path / output))
    assert "--output" in caught.value.fix


def test_nothing_to_report_is_an_error_with_a_fix(tmp_path):
    with pytest.raises(KeelError) as caught:
        run(Args(tmp_path))
    assert caught.value.fix
    assert not list(tmp_path.iterdir())
