"""Sends MuJoCo's warnings to Python's logging; by default MuJoCo leaves a MUJOCO_LOG.TXT in the working directory."""

from __future__ import annotations

import logging
from functools import cache

import mujoco

LOGGER = logging.getLogger("sim.mujoco")


@cache
def log_mujoco_warnings() -> None:
    """Installs the handler for this process; later calls do nothing."""
    mujoco.set_mju_user_warning(_log)


def _log(message: str) -> None:
    LOGGER.warning("%s", message)
