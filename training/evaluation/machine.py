"""What a measurement ran on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import mujoco
import onnxruntime


def machine() -> dict[str, str | int]:
    """Processor, cores, system and the versions that decide speed."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "mujoco": mujoco.__version__,
    }


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
