"""Smooth maxima and minima, and a step whose gradient is not zero.

Source: Meng and Fan, "Signal Temporal Logic Neural Predictive Control", RA-L 2023, arXiv 2309.05131: maxima become
``logsumexp(tau x) / tau``, which over-estimates the true maximum of n values by at most ``log(n) / tau``. A nested
formula is therefore neither over- nor under-estimated; verdicts always use the hard form (``tau`` None).
"""

from __future__ import annotations

import torch
from torch import Tensor


def maximum(x: Tensor, dim: int, tau: float | None) -> Tensor:
    """Largest value along ``dim``; smooth with temperature ``tau``, exact when None. -inf entries do not count."""
    if tau is None:
        return x.amax(dim)
    # A slice without any finite entry would give NaN gradients; it stays -inf, detached.
    empty = torch.isneginf(x).all(dim, keepdim=True)
    result = torch.logsumexp(torch.where(empty, torch.zeros_like(x), x) * tau, dim) / tau
    return torch.where(empty.squeeze(dim), torch.full_like(result, -torch.inf), result)


def pair_maximum(a: Tensor, b: Tensor, tau: float | None) -> Tensor:
    """Element-wise maximum of two tensors of one shape."""
    if tau is None:
        return torch.maximum(a, b)
    return maximum(torch.stack([a, b]), 0, tau)


def pair_minimum(a: Tensor, b: Tensor, tau: float | None) -> Tensor:
    """Element-wise minimum of two tensors of one shape."""
    return -pair_maximum(-a, -b, tau)


def running_maximum(x: Tensor, tau: float | None) -> Tensor:
    """(..., T): largest value from every sample to the end of the last axis."""
    backwards = x.flip(-1)
    if tau is None:
        return backwards.cummax(-1).values.flip(-1)
    return (torch.logcumsumexp(backwards * tau, -1) / tau).flip(-1)


def straight_through_step(x: Tensor, slope: float = 500.0) -> Tensor:
    """1 where ``x > 0``, else 0; the gradient is that of ``(1 + tanh(slope x)) / 2``.

    Timers and switching dynamics ("stopped for a second", "battery empty") have no useful gradient otherwise.
    """
    smooth = 0.5 * (1.0 + torch.tanh(slope * x))
    return (x > 0).to(x.dtype) + smooth - smooth.detach()
