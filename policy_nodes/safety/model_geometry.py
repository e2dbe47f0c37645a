"""The section ``filter`` of ``safety.yaml`` from a robot description: the chain to the tool, a capsule per link, and
the pairs of links that can touch.

Collision shapes are enclosed, never approximated from inside. Pairs are chosen as MoveIt's Setup Assistant does
(Coleman et al., "Reducing the Barrier to Entry of Complex Robotic Software", JOSER 2014): neighbours, pairs that
overlap in every sampled posture and pairs that come near in none are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policy_nodes.safety.config import JointLimit
from policy_nodes.safety.filter.config import BodyConfig, FilterConfig, LinkConfig, PairConfig
from policy_nodes.safety.filter.model import FilterModel
from policy_nodes.safety.limits import Array, Limits

SAMPLES = 3000
"""Random postures in which pairs are looked at."""
CORNERS = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])


@dataclass(frozen=True)
class Shape:
    """A collision shape inside a box; ``round`` ones are the sphere or upright capsule inside it as well.

    Attributes:
        pose: (4, 4) of the box in the link's frame.
        half: (3,) half lengths, m.
        round: a sphere, or a cylinder or capsule along z with radius ``half[0]``.
    """

    pose: Array
    half: Array
    round: bool = False


@dataclass(frozen=True)
class ModelLink:
    """One link of the chain as the robot description has it.

    Attributes:
        name: of the link.
        chain: fixed transform from the previous link, and the joint that follows it.
        shapes: for collisions, in the frame that the joint moves.
    """

    name: str
    chain: LinkConfig
    shapes: Sequence[Shape]


def enclosing(shapes: Sequence[Shape]) -> tuple[Array, Array, float]:
    """Two ends (3,), (3,) and the radius of a capsule around one or more shapes; equal ends for a sphere."""
    if len(shapes) == 1 and shapes[0].round:
        pose, radius = shapes[0].pose, float(shapes[0].half[0])
        along = pose[:3, 2] * max(float(shapes[0].half[2]) - radius, 0.0)
        return pose[:3, 3] - along, pose[:3, 3] + along, radius
    points = np.concatenate([(CORNERS * each.half) @ each.pose[:3, :3].T + each.pose[:3, 3] for each in shapes])
    low, high = points.min(axis=0), points.max(axis=0)
    half, centre = 0.5 * (high - low), 0.5 * (low + high)
    longest = int(half.argmax())
    radius = float(np.linalg.norm(np.delete(half, longest)))
    along = np.zeros(3)
    along[longest] = half[longest]
    return centre - along, centre + along, radius


def filter_section(links: Sequence[ModelLink], joints: Sequence[JointLimit], margin: float) -> FilterConfig:
    """Chain, bodies and pairs.

    Args:
        links: from the base to the tool.
        joints: their limits in command order.
        margin: by which pairs must stay apart, m.

    Raises:
        ConfigError: chain and joints do not fit each other.
    """
    bodies = [_body(link) for link in links if link.shapes]
    section = FilterConfig(chain=[link.chain for link in links], bodies=bodies)
    moving = np.cumsum([link.chain.kind != "fixed" for link in links])
    place = {link.name: int(count) for link, count in zip(links, moving, strict=True)}
    candidates = [
        PairConfig(first=one.name, second=other.name, margin=margin)
        for k, one in enumerate(bodies)
        for other in bodies[k + 1 :]
        if place[other.name] - place[one.name] > 1
    ]
    if not candidates:
        return section
    # Without margin for the search: what touches is decided by the shapes.
    bare = [pair.model_copy(update={"margin": 0.0}) for pair in candidates]
    distance = _sampled(section.model_copy(update={"pairs": bare}), joints)
    sometimes = (distance.min(axis=0) < margin) & (distance.max(axis=0) > margin)
    return section.model_copy(update={"pairs": [candidates[k] for k in np.flatnonzero(sometimes)]})


def _body(link: ModelLink) -> BodyConfig:
    start, end, radius = enclosing(link.shapes)
    # A tenth of a millimetre more than rounding can take away.
    wide = round(float(np.ceil(1e4 * radius)) / 1e4 + 1e-4, 4)
    values = {"name": link.name, "link": link.chain.name, "start": start.round(4).tolist(), "radius": wide}
    if np.linalg.norm(end - start) > 1e-3:
        values["end"] = end.round(4).tolist()
    return BodyConfig.model_validate(values)


def _sampled(section: FilterConfig, joints: Sequence[JointLimit]) -> Array:
    """Distances (SAMPLES, pairs) in random postures inside the limits."""
    limits = Limits.of(joints, 0.01)
    model = FilterModel(section, [joint.name for joint in joints], limits, check=False)
    rng = np.random.default_rng(0)
    return model.distances(rng.uniform(limits.low, limits.high, (SAMPLES, limits.low.size)), {})
