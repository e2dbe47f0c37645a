"""Turn a single ONNX file into a bundle, with proof that it computes the same.

For files as Isaac Lab, rsl_rl, mjlab and holosoma export them, one flat observation in and one action out. What the
file says about itself (joint order, gains, default pose, action scale, observation terms) is taken from its metadata;
what it does not say is asked for by the option that supplies it. Limits of the robot come from `--safety` (YAML) or
from a URDF, which some exporters store in the file. Observation scaling, the default pose and the action scale are
built into the graph, so that the bundle reads raw sensors and writes joint targets. The previous action is
the policy's own previous answer, before any limit, which policy_node remembers.

Examples:
    keel convert onnx policy.onnx --output walk.keel --robot go1 --rate-hz 50 --safety go1_safety.yaml
        --command-limit 1 1 1
    keel convert onnx policy.onnx --output walk.keel --robot g1 --urdf g1.urdf --acceleration 200 --jerk 20000
        --rate-hz 50 --observation-scale base_ang_vel=0.2 joint_vel=0.05
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from policy_nodes.errors import ConfigError
from training.convert.onnx_policy import Conversion, convert
from training.convert.settings import Given
from training.convert.terms import Topics


@dataclass(frozen=True)
class Args:
    """Options of ``keel convert onnx``."""

    model: tyro.conf.Positional[Path]
    """The ONNX file."""
    output: Path
    """Bundle directory to write, by convention NAME.keel."""
    robot: str
    """Name of the robot in the contract."""
    safety: Path | None = None
    """Limits and reactions (YAML, as in a bundle)."""
    urdf: Path | None = None
    """Robot description to take position and velocity limits from, where there is no --safety."""
    acceleration: float | None = None
    """Limit of every joint, rad/s^2, with a robot description."""
    jerk: float | None = None
    """Limit of every joint, rad/s^3, with a robot description."""
    joint_names: tuple[str, ...] = ()
    """In action order."""
    stiffness: tuple[float, ...] = ()
    """N*m/rad, per joint or one for all."""
    damping: tuple[float, ...] = ()
    """N*m*s/rad, per joint or one for all."""
    default_pos: tuple[float, ...] = ()
    """Default pose, rad, per joint or one for all."""
    action_scale: tuple[float, ...] = ()
    """Per joint or one for all."""
    observations: tuple[str, ...] = ()
    """Observation terms in the order of the policy's input."""
    history: tuple[int, ...] = ()
    """Steps per term, or one number for all."""
    history_order: Literal["term", "time"] = "term"
    """Whether each term's history is stacked (Isaac Lab, mjlab), or whole observations (legged_gym)."""
    newest_first: bool = False
    """The policy wants the newest step first."""
    observation_scale: tuple[str, ...] = ()
    """Factors as TERM=FACTOR, where the trainer scaled observations outside the network."""
    command_limit: tuple[float, ...] = ()
    """Largest commands it was trained for: VX VY WZ (m/s, m/s, rad/s)."""
    rate_hz: float | None = None
    """Rate of the policy."""
    topics: Topics = field(default_factory=Topics)
    """Topics of the robot."""
    name: str = ""
    """Name in the manifest; the output's name by default."""
    task: str = "track a velocity command"
    """What it does, in words."""
    samples: int = 32
    """Random observations stored as proof."""


def run(args: Args) -> int:
    """Convert; returns the exit code.

    Raises:
        BundleError: the model cannot be a bundle's policy.
        ConfigError: an option is missing or makes no sense.
    """
    if args.samples < 1:
        raise ConfigError(f"--samples is {args.samples}.", "prove at least one observation")
    given = Given(
        joint_names=args.joint_names,
        stiffness=args.stiffness,
        damping=args.damping,
        default_pos=args.default_pos,
        action_scale=args.action_scale,
        observations=args.observations,
        history=args.history,
        history_order=args.history_order,
        newest_first=args.newest_first,
        observation_scale=dict(_factor(text) for text in args.observation_scale),
        command_limit=args.command_limit,
        rate_hz=args.rate_hz,
    )
    request = Conversion(
        model=args.model,
        output=args.output,
        robot=args.robot,
        given=given,
        topics=args.topics,
        safety=args.safety,
        urdf=args.urdf,
        acceleration=args.acceleration,
        jerk=args.jerk,
        name=args.name,
        task=args.task,
        samples=args.samples,
    )
    bundle, evaluator = convert(request)
    error = bundle.manifest.parity.max_abs_error["action"]
    size = sum(feature.history * feature.size for feature in bundle.manifest.observations)
    print(
        f"bundle {bundle.path}: {size} observations, {len(bundle.manifest.actions.joints)} joints; "
        f"differs from the original by {error:.1e} rad over {args.samples} random observations ({evaluator})"
    )
    return 0


def _factor(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ConfigError(f"--observation-scale '{text}' is not TERM=FACTOR.", "write e.g. joint_vel=0.05") from None
