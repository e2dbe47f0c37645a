"""A pretended ament prefix with shell scripts as executables of package ``demo``."""

import os

SCRIPTS = {
    "sleeper": 'echo "hello $1"; exec sleep 30',
    "arguments": 'for a in "$@"; do echo "<$a>"; done; echo "env=$EXTRA"',
    "failing": "echo about to fail; exit 3",
    "stubborn": "trap '' INT TERM; echo deaf; while true; do sleep 0.1; done",
    "polite": "trap 'echo bye; exit 0' INT; echo ready; while true; do sleep 0.05; done",
    "parent": 'sleep 30 & echo "child $!"; wait',
    "orphaning": 'sleep 30 & echo "child $!"; exit 0',
}


def ament_environment(root):
    """Environment whose only ROS package is ``demo`` with `SCRIPTS`."""
    folder = root / "lib" / "demo"
    folder.mkdir(parents=True)
    (root / "share" / "demo").mkdir(parents=True)
    for name, text in SCRIPTS.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return {"PATH": os.environ["PATH"], "AMENT_PREFIX_PATH": str(root)}


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
