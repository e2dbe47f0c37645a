"""Where a scene is shown: MuJoCo's window at the speed of real time, or a film that is written head-less."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from policy_nodes.errors import ConfigError
from sim.rendering import Renderer
from training.atomic import replacing_file
from training.evaluation.video import save_webp

SUFFIXES = (".webp", ".gif")
_CAMERAS = ("tracking", "overview", "track", "corner2")


class Closed(Exception):
    """The window was closed: the scene is over."""


def camera_of(model: mujoco.MjModel) -> str:
    """Camera to film with: a known good one, else the model's first.

    Raises:
        ConfigError: the model has none.
    """
    names = [model.camera(i).name for i in range(model.ncam)]
    if not names:
        raise ConfigError("the scene has no camera.", "view it in a window, or add a camera to the model.")
    return next((name for name in _CAMERAS if name in names), names[0])


class Film:
    """Collects frames at a fixed rate of simulated time.

    Args:
        model: of the scene.
        path: ``.webp`` or ``.gif``.
        width, height: pixels.
        fps: frames per second of simulated time, shown at the same rate.

    Raises:
        ConfigError: another kind of file, or nothing to film with.
        RenderError: the size is too small.
    """

    def __init__(
        self, model: mujoco.MjModel, path: Path, width: int = 480, height: int = 320, fps: float = 12.5
    ) -> None:
        if path.suffix not in SUFFIXES:
            raise ConfigError(f"films are {' or '.join(SUFFIXES)}, not '{path.suffix}'.", f"name it {path.stem}.webp.")
        if not 0.0 < fps <= 50.0:
            raise ConfigError(f"{fps} frames per second cannot be shown by browsers.", "give up to 50.")
        self.path, self.period_s = path, 1.0 / fps
        self._renderer = Renderer(model, width, height, camera_of(model))
        self._frames: list[NDArray[np.uint8]] = []

    def show(self, data: mujoco.MjData, time_s: float) -> None:
        """Take a frame if one is due at ``time_s``."""
        if time_s >= len(self._frames) * self.period_s - 1e-9:
            self._frames.append(self._renderer.frame(data))

    def close(self) -> None:
        """Write the film.

        Raises:
            ConfigError: nothing was shown.
        """
        self._renderer.close()
        if not self._frames:
            raise ConfigError("the scene was over before its first frame.", "view it for longer: --seconds.")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.suffix == ".webp":
            save_webp(self.path, self._frames, self.period_s)
            return
        first, *rest = [Image.fromarray(frame) for frame in self._frames]
        with replacing_file(self.path) as temporary:
            first.save(
                temporary, format="GIF", save_all=True, append_images=rest, duration=round(self.period_s * 1e3), loop=0
            )


class Window:
    """MuJoCo's viewer; the scene is slowed down to real time.

    Args:
        model: of the scene.
        data: the state that it will show; the viewer reads this very object.
        clock: wall clock [s]; sleep: waits [s].

    Raises:
        ConfigError: there is no display.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise ConfigError("there is no display for a window.", "write a film instead: --video view.webp.")
        from mujoco import viewer

        self._viewer = viewer.launch_passive(model, data)
        self._clock, self._sleep, self._began = clock, sleep, clock()

    def show(self, data: mujoco.MjData, time_s: float) -> None:
        """Show the state when its time has come.

        Raises:
            Closed: the window was closed.
        """
        ahead = time_s - (self._clock() - self._began)
        if ahead > 0:
            self._sleep(ahead)
        if not self._viewer.is_running():
            raise Closed
        self._viewer.sync()

    def close(self) -> None:
        """Close the window."""
        self._viewer.close()
