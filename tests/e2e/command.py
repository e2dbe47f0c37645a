"""``keel`` as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys


def keel(*arguments: object, expect: int | None = 0, timeout: float = 900.0) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own; `expect` is the exit code it must have, None for any."""
    command = [sys.executable, "-m", "policy_nodes.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=os.environ)
    assert expect is None or done.returncode == expect, f"{command}\n{done.stdout}\n{done.stderr}"
    return done
