"""Chain and collision shapes of a URDF, see :mod:`policy_nodes.safety.model_geometry`."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np

from policy_nodes.errors import ConfigError
from policy_nodes.safety.filter.config import LinkConfig
from policy_nodes.safety.limits import Array
from policy_nodes.safety.model_geometry import ModelLink, Shape
from policy_nodes.safety.model_limits import urdf_root

KINDS = {"revolute": "revolute", "continuous": "revolute", "prismatic": "prismatic", "fixed": "fixed"}


def urdf_links(text: str, tip: str) -> tuple[list[ModelLink], list[str]]:
    """Links from the root of a URDF (xacro expanded) to ``tip``, and the names of those whose shape is not known.

    Raises:
        ConfigError: not a URDF, ``tip`` is no link, a joint on the way follows another or moves freely, or a number is
            missing.
    """
    root = urdf_root(text)
    links = {link.get("name", ""): link for link in root.findall("link")}
    if tip not in links:
        raise ConfigError(f"the robot description has no link '{tip}'.", f"use one of {', '.join(list(links)[:20])}.")
    parents = {_name(joint, "child"): joint for joint in root.findall("joint")}
    found: list[ModelLink] = []
    unknown: list[str] = []
    name = tip
    while name in links:
        joint = parents.get(name)
        shapes, known = _shapes(links[name])
        unknown += [] if known else [name]
        if len(found) > len(links):
            raise ConfigError("the joints of the robot description form a loop.", "correct it.")
        found.append(ModelLink(name, _link(name, joint), shapes))
        if joint is None:
            break
        name = _name(joint, "parent")
    return found[::-1], unknown[::-1]


def _link(name: str, joint: Element | None) -> LinkConfig:
    if joint is None:
        return LinkConfig(name=name, fixed=np.eye(4).tolist(), kind="fixed")
    label, kind = joint.get("name", ""), KINDS.get(joint.get("type", ""))
    if kind is None or joint.find("mimic") is not None:
        cause = f"joint '{label}' on the way to the tool is of type '{joint.get('type')}' or follows another joint."
        raise ConfigError(cause, "name a link of a serial chain of revolute, prismatic and fixed joints.")
    fixed = _pose(joint).tolist()
    if kind == "fixed":
        return LinkConfig(name=name, fixed=fixed, kind="fixed")
    axis = joint.find("axis")
    direction = np.array([1.0, 0.0, 0.0]) if axis is None else _numbers(axis, "xyz", [1.0, 0.0, 0.0])
    unit = direction / max(float(np.linalg.norm(direction)), 1e-12)
    return LinkConfig.model_validate({"name": label, "fixed": fixed, "axis": unit.tolist(), "kind": kind})


def _shapes(link: Element) -> tuple[list[Shape], bool]:
    """Collision shapes of a link, and whether all of them are known: a mesh is a file that is not read here."""
    found, known = [], True
    for collision in link.findall("collision"):
        pose, geometry = _pose(collision), collision.find("geometry")
        shape = None if geometry is None or len(geometry) == 0 else geometry[0]
        if shape is None or shape.tag not in ("box", "sphere", "cylinder", "capsule"):
            known = False
        elif shape.tag == "box":
            found.append(Shape(pose, 0.5 * _numbers(shape, "size", [])))
        else:
            radius = float(_numbers(shape, "radius", [], 1)[0])
            length = 0.0 if shape.tag == "sphere" else 0.5 * float(_numbers(shape, "length", [], 1)[0])
            # A cylinder's flat ends lie inside the round ones of the capsule about it.
            found.append(Shape(pose, np.array([radius, radius, length + radius]), round=True))
    return found, known


def _pose(element: Element) -> Array:
    """Origin of a joint or collision: ``xyz`` and the fixed-axis angles ``rpy``."""
    origin, pose = element.find("origin"), np.eye(4)
    if origin is None:
        return pose
    pose[:3, 3] = _numbers(origin, "xyz", [0.0, 0.0, 0.0])
    (sr, sp, sy), (cr, cp, cy) = (f(_numbers(origin, "rpy", [0.0, 0.0, 0.0])) for f in (np.sin, np.cos))
    pose[:3, :3] = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return pose


def _numbers(element: Element, key: str, otherwise: list[float], size: int = 3) -> Array:
    try:
        found = np.array([float(part) for part in element.get(key, "").split()] or otherwise)
    except ValueError:
        found = np.empty(0)
    if found.shape != (size,) or not np.isfinite(found).all():
        raise ConfigError(f"<{element.tag}> has {key}='{element.get(key)}'.", f"give {size} finite numbers.")
    return found


def _name(joint: Element, which: str) -> str:
    element = joint.find(which)
    return "" if element is None else element.get("link", "")
