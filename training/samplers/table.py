"""Samplers by name: for which objectives they are meant, how much noise they draw, how often they call the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.samplers import consistency, diffusion, dpm_solver, edm, flow
from training.samplers.model import Sampler


@dataclass(frozen=True)
class SamplerInfo:
    """One sampler.

    Attributes:
        sample: the function.
        draws: steps -> standard normal chunks it uses.
        evaluations: steps -> network evaluations.
    """

    sample: Sampler
    draws: Callable[[int], int] = lambda steps: 1
    evaluations: Callable[[int], int] = lambda steps: steps


DDIM = SamplerInfo(diffusion.ddim)
DPMPP_2M = SamplerInfo(dpm_solver.dpmpp_2m)
FLOW_EULER = SamplerInfo(flow.flow_euler)

SAMPLERS: dict[str, dict[str, SamplerInfo]] = {
    "ddpm": {"ddim": DDIM, "ddpm": SamplerInfo(diffusion.ddpm, draws=lambda steps: steps), "dpmpp_2m": DPMPP_2M},
    "edm": {
        "ddim": DDIM,
        "euler": SamplerInfo(edm.euler),
        "heun": SamplerInfo(edm.heun, evaluations=lambda steps: 2 * steps - 1),
        "dpmpp_2m": DPMPP_2M,
        "ancestral": SamplerInfo(edm.ancestral, draws=lambda steps: steps),
    },
    "flow": {"euler": FLOW_EULER, "midpoint": SamplerInfo(flow.flow_midpoint, evaluations=lambda steps: 2 * steps)},
    "shortcut": {"euler": FLOW_EULER},
    "meanflow": {"euler": FLOW_EULER},
    "consistency": {"consistency": SamplerInfo(consistency.consistency, draws=lambda steps: steps)},
}
"""Family of objectives -> its samplers; the first one is the default."""
