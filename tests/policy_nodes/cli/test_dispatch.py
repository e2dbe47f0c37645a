import os
import signal
import subprocess
import sys
import types
from dataclasses import dataclass

import pytest

from policy_nodes.cli import dispatch, main
from policy_nodes.cli.table import BY_NAME, COMMANDS, Command
from policy_nodes.errors import ConfigError


@dataclass(frozen=True)
class Args:
    """Options."""

    count: int = 3
    """How many."""


@pytest.fixture
def command(monkeypatch):
    """Installs a function as ``keel probe``."""

    def install(function, extra="train"):
        module = types.ModuleType("keel_test_command", "Probe things.\n\nExamples:\n    keel probe --count 2\n")
        module.Args, module.run = Args, function
        monkeypatch.setitem(sys.modules, "keel_test_command", module)
        monkeypatch.setitem(BY_NAME, "probe", Command("probe", "keel_test_command:run", "probe", extra))

    return install


def fail(error):
    def run(args):
        raise error

    return run


def test_the_table_holds_the_agreed_commands_once_each():
    agreed = "collect train export verify diff sign convert calibrate evaluate run faults replay report doctor demo"
    names = [command.name for command in COMMANDS]
    assert set(agreed.split()) <= set(names)
    assert len(set(names)) == len(names)
    assert all(c.target.endswith(f".commands.{c.name.replace('-', '_')}:run") for c in COMMANDS)


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {command.name} " in text and command.help in text for command in COMMANDS)
    assert main([]) == 2


def test_help_imports_neither_numpy_nor_any_command():
    code = (
        "import sys; from policy_nodes.cli import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("numpy", "onnxruntime", "pydantic", "rich", "tyro", "torch", "training", "sim"):
        assert f"'{heavy}'" not in done.stderr


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("keel ")


def test_unknown_command_suggests_the_nearest(capsys):
    assert main(["verfy"]) == 2
    assert "did you mean 'keel verify'?" in capsys.readouterr().err


def test_options_reach_the_command_and_its_code_comes_back(command):
    seen = []
    command(lambda args: seen.append(args.count) or 7)
    assert main(["probe", "--count", "5"]) == 7
    assert seen == [5]


def test_wrong_options_exit_with_two(command):
    command(lambda args: 0)
    with pytest.raises(SystemExit) as caught:
        main(["probe", "--count", "many"])
    assert caught.value.code == 2


def test_command_help_keeps_the_examples(command, capsys):
    command(lambda args: 0)
    with pytest.raises(SystemExit) as caught:
        main(["probe", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "keel probe --count 2" in text
    assert "How many." in text


def test_expected_errors_are_two_lines_without_traceback(command, capsys):
    command(fail(ConfigError("joint [bold]a[/bold] is missing.", "add joint a")))
    assert main(["probe"]) == 1
    assert capsys.readouterr().err == "error: joint [bold]a[/bold] is missing.\nfix: add joint a\n"


def test_errors_of_other_packages_count_by_their_attributes(command, capsys):
    error = ValueError("text")
    error.cause, error.fix = "the scene is empty", "add a cube"
    command(fail(error))
    assert main(["probe"]) == 1
    assert capsys.readouterr().err == "error: the scene is empty.\nfix: add a cube\n"


def test_bugs_keep_their_traceback(command, monkeypatch):
    command(fail(ZeroDivisionError("bug")))
    with pytest.raises(ZeroDivisionError):
        main(["probe"])
    monkeypatch.setenv("KEEL_TRACEBACK", "1")
    command(fail(ConfigError("a", "b")))
    with pytest.raises(ConfigError):
        main(["probe"])


def test_interrupts(command, capsys):
    command(fail(KeyboardInterrupt()))
    assert main(["probe"]) == 130
    assert "was interrupted" in capsys.readouterr().err


def test_sigterm_unwinds_and_the_old_handler_returns(command, capsys):
    cleaned = []
    before = signal.getsignal(signal.SIGTERM)

    def run(args):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            cleaned.append(True)

    command(run)
    assert main(["probe"]) == 143
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGTERM) is before
    assert "was terminated" in capsys.readouterr().err


def test_a_missing_package_names_the_extra(monkeypatch, capsys):
    def absent(name):
        raise ModuleNotFoundError("no", name="torch")

    monkeypatch.setattr(dispatch.importlib, "import_module", absent)
    assert main(["train"]) == 1
    error = capsys.readouterr().err
    assert "needs the package 'torch'" in error
    assert 'pip install "keel[train]"' in error
    assert main(["verify"]) == 1
    assert 'pip install "keel"' in capsys.readouterr().err


def test_a_missing_part_of_keel_is_said_so(monkeypatch, capsys):
    monkeypatch.setitem(BY_NAME, "probe", Command("probe", "training.commands.absent:run", ""))
    assert main(["probe"]) == 1
    assert "is not part of this installation (no module 'training.commands.absent')" in capsys.readouterr().err


def test_a_closed_pipe_is_silent():
    code = "import sys; from policy_nodes.cli import main; sys.exit(main(['doctor', '--seconds', '0.01', '--json']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        assert b"Traceback" not in child.stderr.read()
