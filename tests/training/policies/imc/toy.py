"""Four modes on a circle that a context turns, and experts that are fitted exactly: linear in given features."""

import math

import torch

SPREAD = 0.1


def points(count, seed=0):
    """Contexts (N,) in rad, actions (N, 2), and the mode (N,) each came from."""
    generator = torch.Generator().manual_seed(seed)
    context = math.pi * torch.rand(count, generator=generator, dtype=torch.float64) / 2
    mode = torch.randint(4, (count,), generator=generator)
    angle = context + mode * math.pi / 2
    centre = torch.stack([angle.cos(), angle.sin()], dim=1)
    return context, centre + SPREAD * torch.randn(count, 2, generator=generator, dtype=torch.float64), mode


def cubic(context):
    """Features (N, 4)."""
    return torch.stack([context**power for power in range(4)], dim=1)


def constant(context):
    """Features (N, 1): an expert that can only be a point."""
    return torch.ones(len(context), 1, dtype=torch.float64)


class LinearExperts:
    """K experts ``W_k phi(o)`` of unit variance in units of ``scale``, fitted by weighted least squares.

    Args:
        features: (N, D).
        actions: (N, 2).
        count: K.
        scale: standard deviation; actions are measured in it.
        seed: of the first coefficients.
    """

    def __init__(self, features, actions, count, scale=1.0, seed=0):
        self.features, self.actions = features, actions / scale
        generator = torch.Generator().manual_seed(seed)
        first = torch.randn(count, features.shape[1], 2, generator=generator, dtype=torch.float64)
        self.coefficients, self.scale = first / scale, scale

    def means(self, features):
        """(N, K, 2) in units of the scale."""
        return torch.einsum("nd,kda->nka", features, self.coefficients)

    def log_likelihood(self):
        """(N, K)."""
        return -0.5 * (self.means(self.features) - self.actions[:, None]).square().sum(-1)

    def fit(self, weights):
        """The exact maximum; an expert without weight stays what it was."""
        for expert in range(weights.shape[1]):
            root = weights[:, expert : expert + 1].sqrt()
            if float(root.square().sum()) > 1e-9:
                solution = torch.linalg.lstsq(root * self.features, root * self.actions, driver="gelsd").solution
                self.coefficients[expert] = solution


def on_mode(means, context):
    """Distances (N, K) of means in raw units to the nearest mode, and which mode (N, K) that is."""
    angle = context[:, None] + torch.arange(4) * math.pi / 2
    centres = torch.stack([angle.cos(), angle.sin()], dim=-1)
    distance = (means.unsqueeze(2) - centres.unsqueeze(1)).norm(dim=-1)
    return distance.min(dim=-1)
