"""Files and directories that appear whole or not at all: written beside the target, then put in its place."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

# The same exchange as for bundles, so that a crash between two renames cannot lose what was there.
from policy_nodes.bundle.write import put_directory


@contextlib.contextmanager
def replacing_directory(target: Path) -> Iterator[Path]:
    """Yield a temporary directory beside ``target`` that takes its place on success and vanishes on any error.

    Raises:
        OSError: the directory cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        temporary.chmod(0o755)
        yield temporary
        put_directory(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Yield a temporary file name beside ``target``; the file takes its place on success and vanishes on any error.

    Raises:
        OSError: the file cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_file(target: Path, content: bytes | str) -> None:
    """Replace ``target`` by ``content``; text is written as UTF-8.

    Raises:
        OSError: the file cannot be written.
    """
    with replacing_file(target) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
