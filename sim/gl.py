"""Off-screen OpenGL rendering with MuJoCo's own contexts, and a probe that survives a crashing driver.

The contexts are taken from ``mujoco.egl`` and ``mujoco.osmesa`` directly, so that the choice does not depend on what
``MUJOCO_GL`` was when mujoco was first imported. ``python -m sim.gl egl`` is the probe.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import weakref
from functools import cache
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

GL_BACKENDS = ("egl", "osmesa")
_PROBE_TIMEOUT = 60.0
_PROBE_SCENE = """<mujoco><worldbody><light pos="0 0 3"/><geom type="sphere" size=".3" rgba="1 0 0 1"/>
<camera name="c" pos="0 -2 0" xyaxes="1 0 0 0 0 1"/></worldbody></mujoco>"""


class GlRenderer:
    """Renders frames of one model in an off-screen OpenGL context.

    Args:
        model: compiled model; its ``vis.global_.offwidth`` and ``offheight`` are raised to the size when smaller.
        width: [pixels].
        height: [pixels].
        camera: name of a camera of the model.
        backend: one of ``GL_BACKENDS``.

    Raises:
        Exception: whatever the GL library raises; run ``gl_works`` first.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, camera: str, backend: str) -> None:
        model.vis.global_.offwidth = max(width, int(model.vis.global_.offwidth))
        model.vis.global_.offheight = max(height, int(model.vis.global_.offheight))
        self._gl = importlib.import_module(f"mujoco.{backend}").GLContext(width, height)
        self._gl.make_current()
        self._model = model
        self._scene = mujoco.MjvScene(model, maxgeom=2000)
        self._context = mujoco.MjrContext(model, int(mujoco.mjtFontScale.mjFONTSCALE_100))
        mujoco.mjr_setBuffer(int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN), self._context)
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = model.camera(camera).id
        self._option = mujoco.MjvOption()
        self._pixels = np.empty((height, width, 3), dtype=np.uint8)
        # Freed before the interpreter takes the GL library apart, else EGL complains on exit.
        self._free = weakref.finalize(self, _free, self._gl, self._context)

    def frame(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """Picture (H, W, 3) of the state."""
        self._gl.make_current()
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(self._model, data, self._option, None, self._camera, everything, self._scene)
        mujoco.mjr_render(self._rect, self._scene, self._context)
        mujoco.mjr_readPixels(self._pixels, None, self._rect, self._context)
        return self._pixels[::-1].copy()

    def close(self) -> None:
        """Frees the context."""
        self._free()


def _free(gl: Any, context: mujoco.MjrContext) -> None:
    gl.make_current()
    context.free()
    gl.free()


@cache
def gl_works(backend: str) -> bool:
    """Whether a separate process could render a frame with this backend; asked once per process."""
    environment = {**os.environ, "MUJOCO_GL": backend}
    root = str(Path(__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "sim.gl", backend]
    try:
        return subprocess.run(command, env=environment, capture_output=True, timeout=_PROBE_TIMEOUT).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _probe(backend: str) -> None:
    model = mujoco.MjModel.from_xml_string(_PROBE_SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    renderer = GlRenderer(model, 32, 32, "c", backend)
    centre = renderer.frame(data)[16, 16].astype(int)
    if not centre[0] > centre[1] + 50:
        raise SystemExit(f"{backend} rendered {centre} where a red sphere was expected")
    renderer.close()


if __name__ == "__main__":
    _probe(sys.argv[1])
