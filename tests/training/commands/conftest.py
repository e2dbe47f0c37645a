import pytest

from policy_nodes.cli import main


@pytest.fixture
def refused(capsys):
    """Run ``keel`` and expect exit code 1 with exactly two lines: the cause, which is returned with the fix."""

    def run(*arguments):
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 1
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("error:", "fix:"))]
        assert len(lines) == 2 and lines[0].startswith("error: ") and lines[1].startswith("fix: ")
        return lines[0].removeprefix("error: "), lines[1].removeprefix("fix: ")

    return run
