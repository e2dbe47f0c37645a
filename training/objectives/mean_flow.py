"""MeanFlow: the network learns the average velocity over the rest of its step, so that one step may reach the data.

With Keel's time (0 is noise) and u(x, t, d) the average velocity from t to t + d,

    u = v + d * (du / dt),      du / dt = (d/dx u) v + d/dt u - d/dd u,      v = data - noise,

which is asked of the network by regression on the right-hand side without gradient; the derivative along (v, 1, -1) is
one forward-mode product. Half of a batch has d = 0, which is flow matching. Sampling takes n steps of d = 1 / n.

Source: Geng et al., "Mean Flows for One-step Generative Modeling", arXiv 2505.13447. What the network is told of d is
smooth (at most 4 pi), or the derivative would be of noise.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from training.objectives.flow import FlowMatching
from training.objectives.flow_matching import interpolate, target_velocity
from training.objectives.interface import Network, Teacher
from training.objectives.masking import masked_mean

LOCATION, SCALE = -0.4, 1.0
"""Of the normal density whose logistic is a time, counted from the data, as published."""
FLOW_SHARE = 0.5
"""Of a batch that has d = 0."""
POWER, OFFSET = 0.5, 1e-3
"""A sample's loss is divided by ``(its squared error + OFFSET) ** POWER``."""
FREQUENCIES = (1.0, 2.0, 4.0)


class MeanFlow(FlowMatching):
    """Average-velocity flow."""

    extra_condition = 1 + 2 * len(FREQUENCIES)

    def loss(
        self,
        network: Network,
        data: Tensor,
        is_pad: Tensor,
        generator: torch.Generator | None = None,
        teacher: Teacher | None = None,
    ) -> Tensor:
        """Weighted squared error of the average velocity."""
        noise = torch.randn(data.shape, generator=generator)
        t, span = draw_spans(len(data), generator)
        velocity = target_velocity(noise, data)
        u, target = self.sides(network, interpolate(noise, data, t), velocity, t, span)
        error = (u - target.detach()).square()
        keep = (~is_pad).to(error.dtype).unsqueeze(-1)
        weight = ((error.detach() * keep).sum((1, 2)) + OFFSET) ** -POWER
        return masked_mean(error, is_pad, weight)

    def sides(self, network: Network, x: Tensor, velocity: Tensor, t: Tensor, span: Tensor) -> tuple[Tensor, Tensor]:
        """Both sides of the identity at x (B, H, A): the average velocity and ``v + d du/dt``."""

        def average(x: Tensor, t: Tensor, span: Tensor) -> Tensor:
            return network(x, self.levels(t, span))

        one = torch.ones_like(t)
        answer = torch.func.jvp(average, (x, t, span), (velocity, one, -one))
        return answer[0], velocity + span.view(-1, 1, 1) * answer[1]

    def levels(self, t: Tensor, span: Tensor) -> Tensor:
        """(B, 1 + extra_condition) flow time, and the step's length smoothly."""
        waves = [f(math.pi * frequency * span) for frequency in FREQUENCIES for f in (torch.sin, torch.cos)]
        return torch.stack([t, span, *waves], dim=-1)

    def step_condition(self, steps: int) -> Tensor:
        """(1, extra_condition) of a step of length 1 / steps."""
        return self.levels(torch.zeros(1), torch.full((1,), 1.0 / steps))[:, 1:]


def draw_spans(count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Start (B,) and length (B,) of the steps to learn; the first half has length 0."""
    times = torch.sigmoid(LOCATION + SCALE * torch.randn(count, 2, generator=generator))
    start, end = 1.0 - times.amax(-1), 1.0 - times.amin(-1)
    flow = torch.arange(count) < round(FLOW_SHARE * count)
    return start, torch.where(flow, 0.0, end - start)
