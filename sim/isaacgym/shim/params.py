"""Parameter objects of gymapi. Fields without a counterpart in MuJoCo are accepted; docs/isaacgym.md lists them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.isaacgym.shim.geometry import Mat33, Transform, Vec3

__all__ = [
    "DOF_DTYPE",
    "STATE_DTYPE",
    "ActuatorProperties",
    "AssetOptions",
    "CameraProperties",
    "FlexParams",
    "ForceSensorProperties",
    "HeightFieldParams",
    "PhysXParams",
    "PlaneParams",
    "RigidBodyProperties",
    "RigidShapeProperties",
    "SimParams",
    "TriangleMeshParams",
    "VhacdParams",
]

DOF_DTYPE = np.dtype(
    [("hasLimits", "?"), ("lower", "f4"), ("upper", "f4"), ("driveMode", "i4"), ("velocity", "f4"), ("effort", "f4"),
     ("stiffness", "f4"), ("damping", "f4"), ("friction", "f4"), ("armature", "f4")]
)  # fmt: skip
"""One row per degree of freedom: [rad or m], [rad/s], [N m], [N m/rad], [N m s/rad], [N m], [kg m^2]."""
STATE_DTYPE = np.dtype([("pos", "f4"), ("vel", "f4")])


class _Open:
    """Accepts any further attribute, as configuration loops set whatever a YAML file holds."""

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@dataclass
class PhysXParams(_Open):
    """PhysX settings: accepted; only ``num_threads`` means something here."""

    use_gpu: bool = False
    num_threads: int = 0
    num_subscenes: int = 0
    solver_type: int = 1
    num_position_iterations: int = 4
    num_velocity_iterations: int = 1
    contact_offset: float = 0.02
    rest_offset: float = 0.001
    bounce_threshold_velocity: float = 0.2
    max_depenetration_velocity: float = 100.0
    default_buffer_size_multiplier: float = 2.0
    max_gpu_contact_pairs: int = 1 << 20
    contact_collection: int = 2
    friction_offset_threshold: float = 0.04
    friction_correlation_distance: float = 0.025
    always_use_articulations: bool = False


@dataclass
class FlexParams(_Open):
    """Flex settings: accepted and ignored."""


@dataclass
class SimParams(_Open):
    """``dt`` [s] per ``simulate``, split into at least ``substeps`` physics steps of at most 5 ms."""

    dt: float = 1.0 / 60.0
    substeps: int = 2
    gravity: Vec3 = field(default_factory=lambda: Vec3(0.0, 0.0, -9.8))
    up_axis: int = 1
    use_gpu_pipeline: bool = False
    num_client_threads: int = 0
    stress_visualization: bool = False
    enable_actor_creation_warning: bool = True
    physx: PhysXParams = field(default_factory=PhysXParams)
    flex: FlexParams = field(default_factory=FlexParams)


@dataclass
class PlaneParams(_Open):
    """Ground plane."""

    normal: Vec3 = field(default_factory=lambda: Vec3(0.0, 0.0, 1.0))
    distance: float = 0.0
    static_friction: float = 1.0
    dynamic_friction: float = 1.0
    restitution: float = 0.0
    segmentation_id: int = 0


@dataclass
class HeightFieldParams(_Open):
    """Grid of heights: rows run along x, columns along y."""

    nbRows: int = 0
    nbColumns: int = 0
    row_scale: float = 1.0
    column_scale: float = 1.0
    vertical_scale: float = 1.0
    static_friction: float = 1.0
    dynamic_friction: float = 1.0
    restitution: float = 0.0
    transform: Transform = field(default_factory=Transform)


@dataclass
class TriangleMeshParams(_Open):
    """Triangle mesh."""

    nb_vertices: int = 0
    nb_triangles: int = 0
    static_friction: float = 1.0
    dynamic_friction: float = 1.0
    restitution: float = 0.0
    transform: Transform = field(default_factory=Transform)


@dataclass
class VhacdParams(_Open):
    """Convex decomposition settings: accepted and ignored (MuJoCo uses convex hulls)."""

    resolution: int = 100000
    max_convex_hulls: int = 64


@dataclass
class AssetOptions(_Open):
    """How an asset is loaded."""

    fix_base_link: bool = False
    collapse_fixed_joints: bool = False
    default_dof_drive_mode: int = 0
    disable_gravity: bool = False
    armature: float = 0.0
    density: float = 1000.0
    replace_cylinder_with_capsule: bool = False
    flip_visual_attachments: bool = False
    angular_damping: float = 0.5
    linear_damping: float = 0.0
    max_angular_velocity: float = 64.0
    max_linear_velocity: float = 1000.0
    thickness: float = 0.02
    override_com: bool = False
    override_inertia: bool = False
    use_mesh_materials: bool = False
    vhacd_enabled: bool = False
    vhacd_params: VhacdParams = field(default_factory=VhacdParams)


@dataclass
class RigidShapeProperties(_Open):
    """A collision shape: friction coefficients; ``filter`` bits shared by two shapes of an actor keep them apart."""

    friction: float = 1.0
    rolling_friction: float = 0.0
    torsion_friction: float = 0.0
    restitution: float = 0.0
    compliance: float = 0.0
    thickness: float = 0.0
    filter: int = 0
    contact_offset: float = 0.02
    rest_offset: float = 0.0


@dataclass
class RigidBodyProperties(_Open):
    """Mass [kg], centre of mass [m] and inertia about it [kg m^2], both in the body's frame."""

    mass: float = 1.0
    com: Vec3 = field(default_factory=Vec3)
    inertia: Mat33 = field(default_factory=Mat33)
    flags: int = 0

    @property
    def invMass(self) -> float:
        """1 / mass."""
        return 1.0 / self.mass if self.mass > 0.0 else 0.0


@dataclass
class ForceSensorProperties(_Open):
    """Accepted; the sensor here measures contact wrenches (docs/isaacgym.md)."""

    enable_constraint_solver_forces: bool = True
    enable_forward_dynamics_forces: bool = True
    use_world_frame: bool = False


@dataclass
class ActuatorProperties(_Open):
    """An actuator of an MJCF file: ``motor_effort`` is its gear, ``kp`` and ``kv`` its gains."""

    motor_effort: float = 1.0
    kp: float = 0.0
    kv: float = 0.0
    control_limited: bool = False
    force_limited: bool = False
    lower_control_limit: float = 0.0
    upper_control_limit: float = 0.0
    lower_force_limit: float = 0.0
    upper_force_limit: float = 0.0


@dataclass
class CameraProperties(_Open):
    """Accepted; no camera is rendered."""

    width: int = 1600
    height: int = 900
    horizontal_fov: float = 90.0
    enable_tensors: bool = False
