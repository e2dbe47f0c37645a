"""Whether the simulator can draw images here, and through which OpenGL backend."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping

from policy_nodes.cli.checks import Check

BACKENDS = ("egl", "osmesa", "glfw")
_DRAW = """
import mujoco
context = mujoco.GLContext(64, 64)
context.make_current()
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><light pos='0 0 3'/><geom size='1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 64, 64)
renderer.update_scene(data)
assert renderer.render().max() > 0
"""


def probe(env: Mapping[str, str] | None = None) -> Check:
    """Draw one small picture in a process of its own with the backend of ``MUJOCO_GL``, or the first that works."""
    env = os.environ if env is None else env
    if importlib.util.find_spec("mujoco") is None or importlib.util.find_spec("sim") is None:
        return Check("rendering", "skip", "the simulator is not installed", 'pip install "keel[sim]" to simulate here')
    chosen = env.get("MUJOCO_GL", "").strip()
    backends = (chosen,) if chosen else BACKENDS
    reasons = []
    for backend in backends:
        reason = _draw(backend, env)
        if not reason:
            return Check("rendering", "ok", f"MuJoCo draws with {backend}")
        reasons.append(f"{backend}: {reason}")
    fix = (
        "apt install libegl1 libgl1-mesa-dri (or libosmesa6); reports then have pictures, everything else works without"
    )
    return Check("rendering", "warn", "; ".join(reasons)[:400], fix)


def _draw(backend: str, env: Mapping[str, str]) -> str:
    """Reason of failure, empty on success."""
    command = [sys.executable, "-c", _DRAW]
    try:
        done = subprocess.run(
            command, env={**env, "MUJOCO_GL": backend}, capture_output=True, text=True, timeout=30, check=False
        )
    except subprocess.TimeoutExpired:
        return "no answer in 30 s"
    if done.returncode == 0:
        return ""
    lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1][:120]
