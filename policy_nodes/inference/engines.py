"""Where a built TensorRT engine lies: a directory per graph, device, precision and version, private to the user.

An engine is code. It is never part of a bundle, and a cache that others can write is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnxruntime

from policy_nodes.errors import ProviderError
from policy_nodes.inference.provider_options import ProviderSettings

QUERY = ("nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader")
JETSON = Path("/proc/device-tree/model")


def device_identity(index: int = 0) -> str:
    """Name, compute capability and driver of a GPU, on which an engine's tuning depends.

    Raises:
        ProviderError: there is no such GPU.
    """
    try:
        done = subprocess.run([*QUERY, f"--id={index}"], capture_output=True, text=True, timeout=20, check=True)
        if line := done.stdout.strip():
            return line
    except (OSError, subprocess.SubprocessError):
        if JETSON.is_file():  # Jetsons have one GPU, and old ones no nvidia-smi
            return JETSON.read_text(encoding="utf-8").rstrip("\0\n") + " " + platform.release()
    raise ProviderError(f"There is no GPU {index} here, or no driver for it.", "run 'nvidia-smi' and 'keel doctor'")


def tensorrt_version() -> str:
    """Version of the installed TensorRT wheel, empty where it came another way (an engine then names its own)."""
    for name in ("tensorrt", "tensorrt-cu13", "tensorrt-cu12"):
        with contextlib.suppress(PackageNotFoundError):
            return version(name)
    return ""


def engine_key(graph: bytes, device: str, settings: ProviderSettings) -> str:
    """Hexadecimal name of the engine: other graph, GPU, driver, precision, batch or ONNX Runtime, other engine."""
    parts = {
        "graph": hashlib.sha256(graph).hexdigest(),
        "device": device,
        "precision": settings.precision,
        "batch": settings.batch,
        "onnxruntime": onnxruntime.__version__,
        "tensorrt": tensorrt_version(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def engine_directory(graph: bytes, settings: ProviderSettings, device: str | None = None) -> Path:
    """The directory of a graph's engine, made when it is not there.

    Args:
        graph: content of the ONNX file.
        settings: cache, device, precision.
        device: identity of the GPU; asked for when None.

    Raises:
        ProviderError: no GPU, or a cache that cannot be written, or that others can.
    """
    key = engine_key(graph, device_identity(settings.device) if device is None else device, settings)
    path = settings.cache.expanduser() / key
    fix = "give KEEL_ENGINE_CACHE a directory that only you can write"
    try:
        settings.cache.expanduser().mkdir(parents=True, exist_ok=True, mode=0o700)
        path.mkdir(exist_ok=True, mode=0o700)
        for part in (settings.cache.expanduser(), path):
            status = part.stat()
            if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise ProviderError(f"The engine cache '{part}' can be written by others; an engine is code.", fix)
    except OSError as error:
        raise ProviderError(f"The engine cache '{path}' cannot be used: {error.strerror}.", fix) from None
    return path


def is_built(directory: Path) -> bool:
    """Whether an engine lies there."""
    return any(directory.glob("*.engine"))


@contextlib.contextmanager
def reminding(notify: Callable[[str], None], what: str, every_s: float = 10.0) -> Iterator[Callable[[], float]]:
    """Say again and again that something still goes on; yields what tells its seconds so far."""
    started, done = time.monotonic(), threading.Event()

    def elapsed() -> float:
        return time.monotonic() - started

    def remind() -> None:
        while not done.wait(every_s):
            notify(f"{what}: {elapsed():.0f} s so far")

    thread = threading.Thread(target=remind, daemon=True)
    thread.start()
    try:
        yield elapsed
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def telling(notify: Callable[[str], None], what: str, every_s: float = 10.0) -> Iterator[None]:
    """Say that something has begun, that it still goes on, and how long it took."""
    notify(f"{what}: this may take minutes, once")
    with reminding(notify, what, every_s) as elapsed:
        yield
    notify(f"{what}: done after {elapsed():.1f} s")
