"""Arms as plain numbers: a planar one whose kinematics are school trigonometry, and a Panda from its DH table."""

from __future__ import annotations

import numpy as np

from policy_nodes.safety.config import JointLimit
from policy_nodes.safety.filter.config import FilterConfig, LinkConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.limits import Limits

DT = 0.01


def pose(x: float = 0.0, y: float = 0.0, z: float = 0.0, roll: float = 0.0) -> list[list[float]]:
    c, s = np.cos(roll), np.sin(roll)
    return [[1.0, 0.0, 0.0, x], [0.0, c, -s, y], [0.0, s, c, z], [0.0, 0.0, 0.0, 1.0]]


def planar(count: int = 2, length: float = 0.5) -> list[dict[str, object]]:
    """Revolute joints about z, each ``length`` beyond the last, and a tip."""
    links = [{"name": f"j{k}", "fixed": pose(x=length if k else 0.0)} for k in range(count)]
    return [*links, {"name": "tip", "fixed": pose(x=length), "kind": "fixed"}]


def panda() -> list[dict[str, object]]:
    """Craig's DH parameters of Franka's documentation: a, d, alpha."""
    turn = np.pi / 2
    table = [(0, 0.333, 0), (0, 0, -turn), (0, 0.316, turn), (0.0825, 0, turn), (-0.0825, 0.384, -turn)]
    table += [(0, 0, turn), (0.088, 0, turn)]
    links = []
    for k, (a, d, alpha) in enumerate(table):
        fixed = np.array(pose(x=a, roll=alpha)) @ np.array(pose(z=d))
        links.append({"name": f"p{k}", "fixed": fixed.tolist()})
    return [*links, {"name": "tool", "fixed": pose(z=0.21), "kind": "fixed"}]


def limits(names: list[str], dt: float = DT, jerk: float = 2000.0) -> Limits:
    return Limits.of(joint_limits(names, jerk), dt)


def joint_limits(names: list[str], jerk: float = 2000.0) -> list[JointLimit]:
    values = {"position_min": -2.8, "position_max": 2.8, "velocity": 2.0, "acceleration": 10.0, "jerk": jerk}
    return [JointLimit.model_validate({"name": name, **values}) for name in names]


def joints_of(chain: list[dict[str, object]]) -> list[str]:
    return [str(link["name"]) for link in chain if link.get("kind", "revolute") != "fixed"]


def chain_of(links: list[dict[str, object]]) -> list[LinkConfig]:
    return [LinkConfig.model_validate(link) for link in links]


def model(chain: list[dict[str, object]], **sections: object) -> FilterModel:
    names = joints_of(chain)
    return FilterModel(FilterConfig.model_validate({"chain": chain, **sections}), names, limits(names))
