"""Show a black box: what the policy wanted and what the robot did in the seconds before and during a stop.

safety_node writes one file per stop: `keel run --output DIR` into DIR/black_box, a robot where the launch argument
black_box_directory says. The page needs no network. The dump of a simulated world that diverged is told in the terminal
instead: which quantity went wrong first, and when.

Examples:
    keel replay runs/demo/run/black_box/black_box_1763_joint_jump.npz
    keel replay runs/demo/run/black_box                             (the newest file of a directory)
    keel replay /tmp/keel-unstable/Go1-Velocity-Flat-0.npz --last 30
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from policy_nodes.safety.black_box_file import BlackBoxError, read_black_box
from training.atomic import write_file
from training.report.replay import replay_page


@dataclass(frozen=True)
class Args:
    """Options of `keel replay`."""

    file: Positional[Path]
    """A black box, or a directory of them."""
    output: Path | None = None
    """Page to write; beside the black box, with the suffix .html, by default."""
    last: int = 10
    """Of a diverged world: recorded control steps to print."""


def run(args: Args) -> int:
    """Write the page; returns the exit code."""
    file = newest(args.file) if args.file.is_dir() else args.file
    if _is_dump(file):
        from sim.commands import replay as diverged

        return diverged.run(diverged.Args(file, args.last))
    recording = read_black_box(file)
    target = args.output or file.with_suffix(".html")
    write_file(target, replay_page(recording))
    stop = recording.stop
    why = "no stop" if stop is None else str(recording.arrays["reason"][stop])
    print(f"{why}: {target}")
    return 0


def _is_dump(file: Path) -> bool:
    """Whether the file is a batched simulation's dump; its member names tell."""
    try:
        with zipfile.ZipFile(file) as archive:
            return "decision_t.npy" not in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def newest(directory: Path) -> Path:
    """The last black box of a directory, by the stamp in its name.

    Raises:
        BlackBoxError: there is none.
    """
    stamps = [(re.match(r"black_box_(\d+)_", path.name), path) for path in directory.glob("black_box_*.npz")]
    files = [path for _, path in sorted((int(stamp.group(1)), path) for stamp, path in stamps if stamp)]
    if not files:
        raise BlackBoxError(f"{directory} has no black_box_*.npz.", "name a directory that safety_node wrote into.")
    return files[-1]
