"""Choices that make up a chunk policy; every one is an option of `keel train`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from policy_nodes.errors import ConfigError
from training.objectives.consistency import ConsistencyConfig
from training.objectives.diffusion import DiffusionConfig
from training.objectives.edm import EdmConfig
from training.objectives.flow_matching import TimeDensity
from training.objectives.shortcut import ShortcutConfig
from training.policies.residual_mlp import OCTAVES
from training.samplers.grids import GridName

ObjectiveName = Literal[
    "flow", "ddpm_epsilon", "ddpm_x0", "ddpm_v", "edm", "consistency", "distillation", "shortcut", "meanflow"
]  # fmt: skip
BackboneName = Literal["mlp", "unet", "transformer", "causal", "dit", "mode", "sdp"]
SamplerName = Literal[
    "auto", "euler", "midpoint", "ddpm", "ddim", "heun", "dpmpp_2m", "ancestral", "consistency"
]  # fmt: skip


@dataclass(frozen=True)
class ExpertConfig:
    """Experts of the ``mode`` and ``sdp`` backbones.

    Raises:
        ConfigError: more experts chosen than there are.
    """

    count: int = 4
    """Experts per layer (MoDE 4, SDP 8)."""
    top_k: int = 2
    """Experts that work on a chunk."""
    balance: float = 0.01
    """Weight of MoDE's load balance."""
    mutual_information: float = 5e-4
    """Weight of SDP's information between task and expert."""
    per_task: int = 2
    """Experts that `sdp` adds per layer for a new task."""
    grown: int = 0
    """Tasks that were added to `sdp` by `keel train --grow-from`, beyond --config.policy.tasks."""

    def __post_init__(self) -> None:
        if not 1 <= self.top_k <= self.count or self.per_task < 1 or self.grown < 0:
            raise ConfigError(
                f"--config.policy.experts: {self.top_k} of {self.count} experts, {self.per_task} for each new task, "
                f"{self.grown} of them.",
                "choose at least one, and at most as many as there are.",
            )


@dataclass(frozen=True)
class PolicyConfig:
    """Architecture, objective and sampler of a chunk policy.

    Raises:
        ConfigError: a size is less than 1, or choices that do not fit together (``combinations.py``).
    """

    horizon: int = 16
    """Steps of a chunk."""
    sampling_steps: int = 4
    """Steps of the sampler; most call the network once per step."""
    embedding_size: int = 128
    """Size of the observation embedding, which also feeds the failure predictor."""
    width: int = 256
    """Hidden width of the denoiser."""
    depth: int = 3
    """Residual blocks, layers, or levels of the U-Net."""
    expansion: int = 2
    """Hidden expansion inside a block."""
    time_density: TimeDensity = "uniform"
    """Distribution of the flow time in training."""
    objective: ObjectiveName = "flow"
    """What the network learns."""
    backbone: BackboneName = "mlp"
    """The network."""
    sampler: SamplerName = "auto"
    """How chunks are drawn; ``auto`` is euler for flow, shortcut and meanflow, ddim for ddpm and edm."""
    time_grid: GridName = "exponential"
    """Noise levels of the edm samplers."""
    heads: int = 4
    """Attention heads."""
    action_scaling: Literal["auto", "standard", "minmax"] = "auto"
    """Targets to zero mean and unit variance, or to [-1, 1] per step and joint; ``auto`` is standard for flow,
    shortcut and meanflow."""
    clip_sample: bool = True
    """Clip the clean estimate of the ddpm objectives to [-1, 1]."""
    observation_history: bool = True
    """Use older observations of the history; without, the newest one takes their place."""
    conditioning: Literal["film", "concat"] = "film"
    """How the condition enters ``unet`` and ``mlp``: modulation of every block, or concatenation to the input."""
    embedding: Literal["mlp", "moore"] = "mlp"
    """Observation embedding: one network, or MOORE's orthogonal experts mixed per task."""
    condition_dropout: float = 0.0
    """Share of training samples without goal, task or language (classifier-free guidance)."""
    guidance: float = 1.0
    """Guidance of the sampler: 0 ignores the goal, 1 is plain, more pulls towards it."""
    tasks: int = 1
    """Tasks with a router of their own (``sdp``) or weights of their own (``moore``)."""
    teacher: str = ""
    """Training output of an edm policy that ``distillation`` learns from."""
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    """Noise schedule of the ddpm objectives."""
    edm: EdmConfig = field(default_factory=EdmConfig)
    """Noise range of edm, consistency and distillation."""
    consistency: ConsistencyConfig = field(default_factory=ConsistencyConfig)
    """Discretisation of consistency and distillation."""
    shortcut: ShortcutConfig = field(default_factory=ShortcutConfig)
    """Step sizes of shortcut."""
    experts: ExpertConfig = field(default_factory=ExpertConfig)
    """Experts of mode, sdp and moore."""

    def __post_init__(self) -> None:
        sizes = ("horizon", "sampling_steps", "embedding_size", "width", "depth", "expansion", "heads", "tasks")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ConfigError(f"{option(name)} is {getattr(self, name)}.", "give at least 1.")
        from training.policies.combinations import check_combination  # it reads this class

        check_combination(self)

    @property
    def family(self) -> str:
        """Group of objectives that share samplers."""
        groups = {"distillation": "consistency"}
        return "ddpm" if self.objective.startswith("ddpm") else groups.get(self.objective, self.objective)

    @property
    def time_octaves(self) -> int:
        """Range of the frequencies that tell the network the time; mean flow differentiates by the time, and with
        five octaves instead of two one step of it hardly ever reached a mode."""
        return 2 if self.objective == "meanflow" else OCTAVES

    @property
    def scaling(self) -> str:
        """``standard`` or ``minmax``."""
        if self.action_scaling != "auto":
            return self.action_scaling
        return "standard" if self.family in ("flow", "shortcut", "meanflow") else "minmax"


def option(name: str) -> str:
    """Name of a field on the command line."""
    return f"--config.policy.{name.replace('_', '-')}"


def policy_config(raw: Mapping[str, Any]) -> PolicyConfig:
    """Configuration from JSON; options that an older version did not know get their defaults.

    Raises:
        TypeError: an unknown option.
    """
    groups: dict[str, Any] = {
        f.name: f.default_factory for f in fields(PolicyConfig) if is_dataclass(f.default_factory)
    }
    return PolicyConfig(**{name: groups[name](**value) if name in groups else value for name, value in raw.items()})
