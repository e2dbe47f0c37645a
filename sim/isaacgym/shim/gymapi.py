"""The names of ``isaacgym.gymapi``. Calls that are not here raise ``NotImplementedError`` with their name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

from sim.isaacgym.errors import UnsupportedCallError
from sim.isaacgym.shim.geometry import Mat33, Quat, Transform, Vec3
from sim.isaacgym.shim.params import (
    ActuatorProperties,
    AssetOptions,
    CameraProperties,
    FlexParams,
    ForceSensorProperties,
    HeightFieldParams,
    PhysXParams,
    PlaneParams,
    RigidBodyProperties,
    RigidShapeProperties,
    SimParams,
    TriangleMeshParams,
    VhacdParams,
)
from sim.isaacgym.shim.queries import DOMAIN_ACTOR, DOMAIN_ENV, DOMAIN_SIM, QueryCalls
from sim.isaacgym.shim.running import RunningCalls
from sim.isaacgym.shim.simulation import SceneCalls, Simulation
from sim.isaacgym.shim.viewer import ViewerCalls
from sim.isaacgym.shim.worlds import DRIVE_EFFORT, DRIVE_NONE, DRIVE_POS, DRIVE_VEL

__all__ = [
    "DOMAIN_ACTOR", "DOMAIN_ENV", "DOMAIN_SIM", "ActuatorProperties", "AssetOptions", "CameraProperties",
    "ContactCollection", "FlexParams", "ForceSensorProperties", "Gym", "HeightFieldParams", "Mat33", "PhysXParams",
    "PlaneParams", "Quat", "RigidBodyProperties", "RigidShapeProperties", "SimParams", "Transform",
    "TriangleMeshParams", "Vec3", "VhacdParams", "acquire_gym",
]  # fmt: skip

SimType = int
ContactCollection = int
SIM_PHYSX, SIM_FLEX = 0, 1
UP_AXIS_Y, UP_AXIS_Z = 0, 1
DOF_MODE_NONE, DOF_MODE_POS, DOF_MODE_VEL, DOF_MODE_EFFORT = DRIVE_NONE, DRIVE_POS, DRIVE_VEL, DRIVE_EFFORT
ENV_SPACE, LOCAL_SPACE, GLOBAL_SPACE = 0, 1, 2
MESH_NONE, MESH_COLLISION, MESH_VISUAL, MESH_VISUAL_AND_COLLISION = 0, 1, 2, 3
COMPUTE_PER_VERTEX, COMPUTE_PER_FACE, FROM_ASSET = 1, 2, 0
CC_NEVER, CC_LAST_SUBSTEP, CC_ALL_SUBSTEPS = 0, 1, 2
STATE_NONE, STATE_POS, STATE_VEL, STATE_ALL = 0, 1, 2, 3
INVALID_HANDLE = -1
KEY_ESCAPE, KEY_SPACE, KEY_R, KEY_V, MOUSE_LEFT_BUTTON = 256, 32, 82, 86, 0
DEFAULT_VIEWER_WIDTH, DEFAULT_VIEWER_HEIGHT = 1600, 900


class Gym(SceneCalls, QueryCalls, RunningCalls, ViewerCalls):
    """Every call that this module supports, by Isaac Gym's names."""

    def __init__(self) -> None:
        self._sims: list[Simulation] = []

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith("_"):
            raise AttributeError(name)

        def unsupported(*_args: Any, **_kwargs: Any) -> NoReturn:
            raise UnsupportedCallError(f"gym.{name} is not supported on MuJoCo.", "see docs/isaacgym.md.")

        return unsupported


@cache
def acquire_gym() -> Gym:
    """The one Gym object of the process."""
    return Gym()
