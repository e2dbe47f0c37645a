"""Safety configuration of the Panda cell: datasheet limits, geometry for the barrier filter, temporal logic.

The arm is described by few generous capsules: the filter must be right rather than tight. Lengths are read off the
Menagerie model's link frames; radii enclose its visual meshes.
"""

from __future__ import annotations

from policy_nodes.safety.backup_config import BackupConfig
from policy_nodes.safety.config import JointLimit, SafetyConfig
from policy_nodes.safety.filter.config import (
    BodyConfig,
    FilterConfig,
    LinkConfig,
    PairConfig,
    PlaneConfig,
    WorkspaceConfig,
)
from policy_nodes.safety.recoverability_config import RecoverabilityConfig
from policy_nodes.safety.stl.config import SpecificationConfig
from sim.robots import panda

FINGERTIP_CLEARANCE_M = 0.002
"""Least height of the grasp centre over the table; a cube of 45 mm is grasped at 20 mm."""


def joint_limits() -> list[JointLimit]:
    """Limits of the Panda's datasheet, as sim.robots.panda holds them."""
    return [
        JointLimit(
            name=name,
            position_min=float(panda.POSITION_LIMITS[i, 0]),
            position_max=float(panda.POSITION_LIMITS[i, 1]),
            velocity=float(panda.VELOCITY_LIMITS[i]),
            acceleration=float(panda.ACCELERATION_LIMITS[i]),
            jerk=float(panda.JERK_LIMITS[i]),
        )
        for i, name in enumerate(panda.JOINT_NAMES)
    ]


def arm_chain() -> list[LinkConfig]:
    """The arm from its base to the tool, as plain numbers."""
    return [
        LinkConfig.model_validate(
            {"name": link.name, "fixed": link.fixed.tolist(), "kind": link.kind}
            | ({} if link.kind == "fixed" else {"axis": link.axis.tolist()})
        )
        for link in panda.kinematic_chain(panda.kinematics_model())
    ]


def cell_filter() -> FilterConfig:
    """The arm over its table: it stays in the cell, off the table and off itself."""
    bodies = [
        BodyConfig(name="column", link="panda_joint1", start=[0, 0, -0.333], end=[0, 0, -0.05], radius=0.08),
        BodyConfig(name="elbow", link="panda_joint4", start=[0, 0, 0], radius=0.09),
        BodyConfig(name="forearm", link="panda_joint4", start=[-0.0825, 0.1, 0], end=[-0.0825, 0.384, 0], radius=0.07),
        BodyConfig(name="wrist", link="panda_joint6", start=[0, 0, 0], end=[0.088, 0, 0], radius=0.06),
        BodyConfig(name="hand", link="panda_hand", start=[0, -0.07, 0.03], end=[0, 0.07, 0.03], radius=0.045),
    ]
    return FilterConfig(
        chain=arm_chain(),
        bodies=bodies,
        workspace=WorkspaceConfig(
            link=panda.TOOL_SITE, minimum=[0.15, -0.65, FINGERTIP_CLEARANCE_M], maximum=[0.85, 0.65, 0.85]
        ),
        planes=[PlaneConfig(name="table", point=[0, 0, 0], normal=[0, 0, 1], margin=0.01, bodies=["hand", "wrist"])],
        pairs=[PairConfig(first="hand", second="column"), PairConfig(first="wrist", second="column")],
        frame_id=panda.BASE_BODY,
        # The last centimetre over the table is where the task happens: barriers may be approached fast.
        decay_rate=25.0,
    )


def posture_specifications() -> list[SpecificationConfig]:
    """What must hold of the arm while the policy moves it, whatever is on the table."""
    return [
        SpecificationConfig(name="elbow_stays_bent", formula="always[0:200ms](panda_joint4.position < -0.25)"),
        SpecificationConfig(
            name="arm_follows",
            formula="once[0:200ms]((abs(panda_joint2.error) < 0.2) and (abs(panda_joint4.error) < 0.2))",
        ),
    ]


def specifications() -> list[SpecificationConfig]:
    """What must hold while the policy moves the arm and a cube."""
    return [
        *posture_specifications(),
        SpecificationConfig(
            name="high_cube_is_held",
            formula="once[0:400ms](not ((cube_pose.z > 0.2) and (panda_finger_joint1.position > 0.035)))",
            reaction="warn",
        ),
    ]


def panda_safety(joint_state_timeout_s: float, temporal_logic: list[SpecificationConfig] | None = None) -> SafetyConfig:
    """Everything that ``safety.yaml`` of a Panda bundle says.

    Args:
        joint_state_timeout_s: see ``SafetyConfig``.
        temporal_logic: of the task; default ``specifications()``, which speak of a cube.
    """
    return SafetyConfig(
        joints=joint_limits(),
        joint_state_timeout_s=joint_state_timeout_s,
        filter=cell_filter(),
        recoverability=RecoverabilityConfig(horizon_s=0.8, checks=16),
        backups=BackupConfig(home=panda.HOME.tolist()),
        temporal_logic=specifications() if temporal_logic is None else temporal_logic,
    )
