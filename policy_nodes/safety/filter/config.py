"""The section ``filter`` of ``safety.yaml``: the arm's geometry as plain numbers, and what it must stay clear of.

Metres and seconds; everything is expressed in the base frame of the chain except points of bodies, which are in the
frame of their link.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from policy_nodes.safety.schema import Label, NotNegative, Positive, Strict

Vector = Annotated[list[FiniteFloat], Field(min_length=3, max_length=3)]
Row = Annotated[list[FiniteFloat], Field(min_length=4, max_length=4)]
Matrix = Annotated[list[Row], Field(min_length=4, max_length=4)]


class LinkConfig(Strict):
    """A fixed transform from the previous link, followed by at most one joint (``name`` is the joint's)."""

    name: Label
    fixed: Matrix
    axis: Vector = Field(default_factory=lambda: [0.0, 0.0, 1.0])
    kind: Literal["revolute", "prismatic", "fixed"] = "revolute"


class BodyConfig(Strict):
    """A sphere, or with ``end`` a capsule, fixed to a link."""

    name: Label
    link: Label
    start: Vector
    end: Vector | None = None
    radius: Positive


class WorkspaceConfig(Strict):
    """Axis-aligned box that a point of a link (the tool) must not leave."""

    link: Label
    point: Vector = Field(default_factory=lambda: [0.0, 0.0, 0.0])
    minimum: Vector
    maximum: Vector

    @model_validator(mode="after")
    def _ordered(self) -> WorkspaceConfig:
        for axis, low, high in zip("xyz", self.minimum, self.maximum, strict=True):
            if not low < high:
                raise ValueError(f"workspace: minimum {low} is not below maximum {high} along {axis}")
        return self


class PairConfig(Strict):
    """Two bodies of the robot that must stay ``margin`` apart."""

    first: Label
    second: Label
    margin: NotNegative = 0.01


class ObstacleConfig(Strict):
    """A sphere or capsule that bodies must stay ``margin`` away from: at a fixed place, or where a term says it is.

    A term's first three elements are its position; with ``end`` the capsule reaches from there by that offset.
    """

    name: Label
    position: Vector | None = None
    term: Label | None = None
    end: Vector | None = None
    """Second end of a capsule, relative to the first."""
    radius: Positive
    margin: NotNegative = 0.02
    bodies: Annotated[list[Label], Field(max_length=64)] = Field(default_factory=list)
    """Names of the bodies concerned; all when empty."""

    @model_validator(mode="after")
    def _one_place(self) -> ObstacleConfig:
        if (self.position is None) == (self.term is None):
            raise ValueError(f"obstacle '{self.name}': give either position or term")
        return self


class PlaneConfig(Strict):
    """A wall, table or light curtain: bodies stay on the side that ``normal`` points to."""

    name: Label
    point: Vector
    """Any point of the plane."""
    normal: Vector
    """Direction of the free space; any length but zero."""
    margin: NotNegative = 0.02
    bodies: Annotated[list[Label], Field(max_length=64)] = Field(default_factory=list)
    """Names of the bodies concerned; all when empty."""

    @model_validator(mode="after")
    def _directed(self) -> PlaneConfig:
        if sum(value * value for value in self.normal) < 1e-12:
            raise ValueError(f"plane '{self.name}': the normal has no direction")
        return self


class HumanConfig(ObstacleConfig):
    """A person, for speed and separation monitoring (ISO/TS 15066, 5.5.4; values must be taken from the standard)."""

    speed: NotNegative = 1.6
    """Speed at which the person may approach, m/s."""
    reaction_s: NotNegative = 0.1
    """Time from a change of the scene to the first braking command."""
    stopping_s: NotNegative = 0.3
    """Time the robot needs to stand still."""
    intrusion: NotNegative = 0.0
    """Distance C by which a body part may reach past what is measured."""
    uncertainty: NotNegative = 0.0
    """Sum of the position uncertainties of person and robot, Z_d + Z_r."""


class SlowdownConfig(Strict):
    """Slower near contact and singularities, with MoveIt Servo's defaults (:mod:`policy_nodes.safety.slowdown`)."""

    link: Label
    """Link that carries the tool, for the condition number of its Jacobian."""
    point: Vector = Field(default_factory=lambda: [0.0, 0.0, 0.0])
    """The tool in the frame of that link, m."""
    self_distance: Positive = 0.01
    """Distance beyond a pair's margin at which the arm begins to slow down, m."""
    scene_distance: Positive = 0.02
    """The same for obstacles, planes, humans and the workspace, m."""
    singularity_lower: Positive = 17.0
    """Condition number at which it begins to slow down."""
    singularity_upper: Positive = 30.0
    """Condition number at which it stops, while it moves towards the singularity."""
    leaving_factor: Annotated[FiniteFloat, Field(ge=1)] = 2.0
    """How much wider the span between the two is while it moves away."""

    @model_validator(mode="after")
    def _ordered(self) -> SlowdownConfig:
        if self.singularity_upper <= self.singularity_lower:
            raise ValueError("slowdown: singularity_upper is not above singularity_lower")
        return self


class FilterConfig(Strict):
    """Everything the barrier filter needs."""

    chain: Annotated[list[LinkConfig], Field(min_length=1, max_length=64)]
    bodies: Annotated[list[BodyConfig], Field(max_length=64)] = Field(default_factory=list)
    joint_margin: NotNegative | None = None
    """Also keep this distance (rad or m) from the position limits, approached gently; the limiter keeps them anyway."""
    workspace: WorkspaceConfig | None = None
    pairs: Annotated[list[PairConfig], Field(max_length=64)] = Field(default_factory=list)
    obstacles: Annotated[list[ObstacleConfig], Field(max_length=64)] = Field(default_factory=list)
    planes: Annotated[list[PlaneConfig], Field(max_length=16)] = Field(default_factory=list)
    humans: Annotated[list[HumanConfig], Field(max_length=16)] = Field(default_factory=list)
    slowdown: SlowdownConfig | None = None
    """Scale the policy's speed near contact and singularities, before limits and barriers."""
    adjust: bool = True
    """Let the quadratic program change commands. Without it the geometry only serves ``recoverability`` and the checks
    before motion: a policy that nears a barrier is then stopped instead of steered."""
    frame_id: str | None = None
    """Name of the base frame; the terms that obstacles come from must be expressed in it."""
    decay_rate: Positive = 5.0
    """How fast a barrier may be approached: at most this share of its value per second."""
    slack_weight: Positive = 10.0
    """Cost of approaching faster than ``decay_rate``, relative to that of deviating from the policy at full speed."""

    @model_validator(mode="after")
    def _consistent(self) -> FilterConfig:
        links, bodies = [link.name for link in self.chain], [body.name for body in self.bodies]
        if len(set(bodies)) != len(bodies):
            raise ValueError("two bodies have the same name")
        used = [body.link for body in self.bodies]
        used += [section.link for section in (self.workspace, self.slowdown) if section is not None]
        unknown = [name for name in used if name not in links]
        named = [name for pair in self.pairs for name in (pair.first, pair.second)]
        scene: list[ObstacleConfig | PlaneConfig] = [*self.obstacles, *self.planes, *self.humans]
        named += [name for item in scene for name in item.bodies]
        unknown += [name for name in named if name not in bodies]
        if unknown:
            raise ValueError(f"unknown links or bodies: {', '.join(unknown)}")
        if any(pair.first == pair.second for pair in self.pairs):
            raise ValueError("a pair names the same body twice")
        labels = [item.name for item in scene]
        if len(set(labels)) != len(labels):
            raise ValueError("two obstacles have the same name")
        return self
