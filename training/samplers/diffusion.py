"""DDIM and DDPM on any Gaussian path, and its subsets of levels.

With ``noise = (x - alpha data) / sigma`` a DDIM step goes to ``alpha' data + sqrt(sigma'^2 - s^2) noise + s z``, where
``s = eta * sigma' * sqrt(1 - (alpha sigma' / (alpha' sigma))^2)``; eta 0 is deterministic and eta 1 is DDPM's posterior
with the small variance. Where alpha is 1 throughout, eta 0 is Euler's step on EDM's equation.

Sources: Song et al., "Denoising Diffusion Implicit Models", arXiv 2010.02502, equations 12 and 16; Ho et al.,
2006.11239.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor

from training.samplers.model import Model


def ddim(model: Model, times: Sequence[float], draws: Sequence[Tensor], eta: float = 0.0) -> Tensor:
    """Integrate from ``times[0]`` to ``times[-1]``.

    Args:
        model: the denoiser.
        times: from noise to data.
        draws: the first one starts; with eta above 0 one more is used at every step but the last.
        eta: 0 deterministic ... 1 DDPM.
    """
    x = draws[0] * prior_scale(model, times[0])
    for i, (now, then) in enumerate(itertools.pairwise(times)):
        a, s, a_next, s_next = model.alpha(now), model.sigma(now), model.alpha(then), model.sigma(then)
        data = model.data(x, now)
        added = eta * s_next * math.sqrt(max(1.0 - (a * s_next / (a_next * s)) ** 2, 0.0))
        direction = math.sqrt(max(s_next**2 - added**2, 0.0))
        x = a_next * data + direction * (x - a * data) / s
        if added:
            x = x + added * draws[i + 1]
    return x


def ddpm(model: Model, times: Sequence[float], draws: Sequence[Tensor]) -> Tensor:
    """Ancestral sampling with the posterior variance (``fixed_small``)."""
    return ddim(model, times, draws, eta=1.0)


def prior_scale(model: Model, t: float) -> float:
    """Standard deviation at which sampling starts: the data's share is negligible or unknown there."""
    return model.sigma(t) if model.alpha(t) == 1.0 else 1.0
