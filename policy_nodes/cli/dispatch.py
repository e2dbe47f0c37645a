"""Finds the command, parses its options, runs it, and turns every expected failure into two clear lines.

Exit codes: 0 done, 1 the command failed, 2 wrong usage, 130 interrupted (Ctrl-C), 143 terminated (SIGTERM).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from types import FrameType, ModuleType
from typing import Any

from policy_nodes.cli.table import BY_NAME, COMMANDS, Command

USAGE_ERROR, INTERRUPTED, TERMINATED = 2, 130, 143
OWN_PACKAGES = ("policy_nodes", "training", "sim")


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; unwinds like Ctrl-C, so that the same ``finally`` blocks clean up."""


class MissingCommandError(Exception):
    """A command's module or one of its packages is not installed.

    Args:
        cause: what is missing.
        fix: how to install it.
    """

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.fix = fix


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``keel``.

    Args:
        argv: arguments after the program's name; those of the process when None.

    Returns:
        The exit code, see the module's description.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if arguments else USAGE_ERROR
    if arguments[0] == "--version":
        print(f"keel {version()}")
        return 0
    command = BY_NAME.get(arguments[0])
    if command is None:
        near = get_close_matches(arguments[0], BY_NAME, n=1)
        hint = f"did you mean 'keel {near[0]}'?" if near else "see 'keel --help'"
        _say("error", f"keel has no command '{arguments[0]}'", hint)
        return USAGE_ERROR
    with _sigterm_raises():
        return _guarded(command, arguments[1:])


def overview() -> str:
    """Help text of ``keel`` itself; imports nothing beyond the table."""
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"  {command.name:<{width}}  {command.help}" for command in COMMANDS]
    return "\n".join(
        [
            "usage: keel COMMAND [OPTIONS]",
            "",
            "Takes a learned robot policy from simulation to a real robot and keeps it safe there.",
            "",
            "commands:",
            *lines,
            "",
            "'keel COMMAND --help' explains a command with examples; 'keel --version' prints the version.",
        ]
    )


def version() -> str:
    """Version of the installed distribution, ``unknown`` in a bare source tree."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("keel")
    except PackageNotFoundError:
        return "unknown"


def load(command: Command) -> tuple[ModuleType, Callable[[Any], int]]:
    """Import a command's module and find its function.

    Raises:
        MissingCommandError: the module, or a package it needs, is not installed.
    """
    module_name, function = command.target.split(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or "a module"
        if missing.split(".")[0] in OWN_PACKAGES:
            cause = f"'keel {command.name}' is not part of this installation (no module '{missing}')"
            raise MissingCommandError(cause, 'install all of Keel: pip install "keel[all]"') from error
        package = f"keel[{command.extra}]" if command.extra else "keel"
        cause = f"'keel {command.name}' needs the package '{missing}', which is not installed"
        raise MissingCommandError(cause, f'pip install "{package}"') from error
    return module, getattr(module, function)


def _guarded(command: Command, arguments: list[str]) -> int:
    try:
        module, function = load(command)
        import tyro

        args = tyro.cli(module.Args, args=arguments, prog=f"keel {command.name}", description=module.__doc__)
        return int(function(args))
    except Terminated:
        _say("stopped", f"'keel {command.name}' was terminated")
        return TERMINATED
    except KeyboardInterrupt:
        _say("stopped", f"'keel {command.name}' was interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (keel ... | head); silence the flush at exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if not hasattr(error, "fix") or os.environ.get("KEEL_TRACEBACK"):
            raise
        _say("error", str(getattr(error, "cause", error)), str(error.fix))
        return 1


def _say(kind: str, cause: str, fix: str = "") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(
        Text(f"{kind}: ", style="bold red" if kind == "error" else "bold yellow") + Text(cause.rstrip(".") + ".")
    )
    if fix:
        console.print(Text("fix: ", style="bold green") + Text(fix))


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """SIGTERM unwinds the stack while the block runs; elsewhere than in the main thread signals are left alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(number: int, frame: FrameType | None) -> None:
        raise Terminated

    previous = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
