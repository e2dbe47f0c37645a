"""Write one self-contained HTML page about a run directory.

The page shows what was trained, how often it succeeds, how fast it thinks, what the failure predictor saw, and how the
safety node answered each fault, with plots and video frames. It needs no network. What was not measured is said so.

Examples:
    keel report runs/demo
    keel report runs/demo --output /tmp/panda.html
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from training.report.page import build_report


@dataclass(frozen=True)
class Args:
    """Report on a run directory."""

    run_dir: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_DIR")]
    """Directory that holds the bundle and the train/, evaluation/ and run/ records; any part may be absent."""
    output: Path | None = None
    """Page to write; RUN_DIR/report.html by default."""


def run(args: Args) -> int:
    """Write the page and print where it is.

    Raises:
        ReportError: nothing to report, a damaged input, or an output that cannot be written.
    """
    target = build_report(args.run_dir, args.output)
    print(f"report: {target} ({target.stat().st_size / 1e6:.1f} MB)")
    return 0
