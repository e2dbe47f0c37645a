"""Safety configuration of the Panda's reach-avoid bundle: stopped while it can still stop, and finished by a search.

The geometry is the task's own (:mod:`training.stl_npc.panda`): three spheres on the arm and one that it must not touch.
The barriers steer nothing (``adjust`` is off); they serve recoverability and the predictive backup, which takes over
where the policy falls silent or is predicted to fail.
"""

from __future__ import annotations

from policy_nodes.safety.backup_config import BackupConfig, StlMpcConfig
from policy_nodes.safety.config import SafetyConfig, StopReaction
from policy_nodes.safety.filter.config import BodyConfig, FilterConfig, ObstacleConfig
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.recoverability_config import RecoverabilityConfig
from sim.robots import panda
from training.contracts.panda_safety import arm_chain, joint_limits
from training.stl_npc.panda import CLEARANCE, LINK_RADIUS, SPEED, SPHERE_RADIUS

TAKEN_OVER = (Reason.CHUNK_EXHAUSTED, Reason.FAILURE_PREDICTED)


def reach_avoid_geometry() -> FilterConfig:
    """The spheres that the task's formula speaks of."""
    links = {"tool": panda.TOOL_SITE, "elbow": panda.ARM_JOINT_NAMES[3], "wrist": panda.ARM_JOINT_NAMES[5]}
    return FilterConfig(
        chain=arm_chain(),
        bodies=[BodyConfig(name=name, link=link, start=[0, 0, 0], radius=LINK_RADIUS) for name, link in links.items()],
        obstacles=[ObstacleConfig(name="sphere", term="sphere_pose", radius=SPHERE_RADIUS, margin=CLEARANCE)],
        adjust=False,
        frame_id=panda.BASE_BODY,
    )


def reach_avoid_safety(steps: int, step_s: float) -> SafetyConfig:
    """Everything that ``safety.yaml`` of the bundle says.

    Args:
        steps: horizon of the task; the search looks half as far again, to see around the sphere.
        step_s: time between two samples of a plan.
    """
    search = StlMpcConfig(
        link=panda.TOOL_SITE, goal_term="goal_pose", steps=steps + steps // 2, step_s=step_s, speed=SPEED
    )
    return SafetyConfig(
        joints=joint_limits(),
        joint_state_timeout_s=0.1,
        chunk_grace_s=0.1,
        filter=reach_avoid_geometry(),
        recoverability=RecoverabilityConfig(horizon_s=0.8, checks=16),
        backups=BackupConfig(home=panda.HOME.tolist(), stl_mpc=search),
        reactions={reason: StopReaction(backup="stl_mpc", stop_category=2) for reason in TAKEN_OVER},
    )
