"""Head-less pictures of a simulation: by EGL, else OSMesa, else a software ray caster that needs no GL library."""

from __future__ import annotations

import os

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.errors import RenderError
from sim.gl import GL_BACKENDS, GlRenderer, gl_works
from sim.raycast import RaycastRenderer

BACKENDS = (*GL_BACKENDS, "software")


def choose_backend() -> str:
    """First backend that truly renders here; one named by ``KEEL_RENDERER`` or ``MUJOCO_GL`` is tried first.

    Raises:
        RenderError: ``KEEL_RENDERER`` names an unknown backend, or one that does not work here.
    """
    wanted = os.environ.get("KEEL_RENDERER", "").lower()
    if wanted:
        if wanted not in BACKENDS:
            raise RenderError(f"KEEL_RENDERER={wanted} is unknown.", f"use one of {', '.join(BACKENDS)}, or unset it.")
        if wanted != "software" and not gl_works(wanted):
            raise RenderError(
                f"the renderer '{wanted}' does not work here.", "unset KEEL_RENDERER to pick one that does."
            )
        return wanted
    hint = os.environ.get("MUJOCO_GL", "").lower()
    candidates = sorted(GL_BACKENDS, key=lambda name: name != hint)
    return next((name for name in candidates if gl_works(name)), "software")


class Renderer:
    """Renders frames of one model.

    Attributes:
        backend: ``"egl"``, ``"osmesa"`` or ``"software"``: what draws the frames.

    Args:
        model: compiled model.
        width: [pixels].
        height: [pixels].
        camera: name of a camera of the model.
        backend: forces one; by default ``choose_backend`` picks.

    Raises:
        RenderError: the camera or the backend is unknown, or the size is not positive.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        width: int = 640,
        height: int = 480,
        camera: str = "overview",
        backend: str | None = None,
    ) -> None:
        cameras = [model.camera(i).name for i in range(model.ncam)]
        if camera not in cameras:
            raise RenderError(f"the model has no camera '{camera}'.", f"use one of {', '.join(cameras) or 'none'}.")
        if width < 2 or height < 2:
            raise RenderError(f"frames of {width} x {height} pixels are too small.", "use at least 2 x 2.")
        if backend is not None and backend not in BACKENDS:
            raise RenderError(f"the renderer '{backend}' is unknown.", f"use one of {', '.join(BACKENDS)}.")
        self.backend = backend or choose_backend()
        self._impl: GlRenderer | RaycastRenderer
        if self.backend == "software":
            self._impl = RaycastRenderer(model, width, height, camera)
        else:
            self._impl = GlRenderer(model, width, height, camera, self.backend)

    def frame(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """Picture (H, W, 3) of the state in ``data``, which must have been through ``mj_forward`` or a step."""
        return self._impl.frame(data)

    def close(self) -> None:
        """Frees what the backend holds."""
        self._impl.close()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
