"""Whether the simulator can draw images here, and how."""

from __future__ import annotations

import importlib

from policy_nodes.cli.checks import Check

# By name, because what runs on the robot must not depend on the simulator.
_MODULE = "sim.rendering"
_GL_FIX = "apt install libegl1 libgl1-mesa-dri (or libosmesa6) to draw with OpenGL"


def probe() -> Check:
    """Ask the simulator which backend truly draws; it tries each in a process of its own."""
    try:
        backend = importlib.import_module(_MODULE).choose_backend()
    except ImportError as error:
        cause = f"the simulator is not installed (no module '{error.name}')"
        return Check("rendering", "skip", cause, 'pip install "keel[sim]" to simulate here')
    except Exception as error:
        if not hasattr(error, "fix"):
            raise
        return Check("rendering", "warn", str(getattr(error, "cause", error)), str(error.fix))
    if backend == "software":
        return Check("rendering", "warn", "no OpenGL: pictures are ray-cast in software, slowly", _GL_FIX)
    return Check("rendering", "ok", f"MuJoCo draws with {backend}")
