"""Isaac Gym's interfaces on MuJoCo: adapters of the batched environment, and an ``isaacgym`` module served on request.

``wrap(env, "vectask")`` gives a :class:`sim.vector.VectorEnv` the shape that a learning library expects.
``install()`` makes ``import isaacgym`` find Keel's MuJoCo-backed implementation in this process; nothing else does.
Neither needs torch until it is called.
"""

from __future__ import annotations

from sim.isaacgym.install import install, uninstall
from sim.isaacgym.wrap import INTERFACES, wrap

__all__ = ["INTERFACES", "install", "uninstall", "wrap"]
