"""Two-valued action columns (a gripper) under warm start, where a small change is not a small error.

A shifted guess at +1 is too far from -1 for a few steps. Source: RTI-DP, arXiv 2508.05396, both variants:

- *clip*, for any policy: the columns of the stored guess become ``sign(.) / f``, so that the steps left can carry them
  either way;
- *scale*, with retraining: the columns are trained ``f`` times smaller, which a few steps can cross.

Either way what is executed is one of the two values, by sign.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.policies.normalizer import Normalizer

FACTOR = 10.0


def column_mask(columns: Sequence[int], size: int) -> Tensor:
    """(A,) 1 for the listed columns.

    Raises:
        ValueError: a column does not exist.
    """
    if any(not 0 <= column < size for column in columns):
        raise ValueError(f"columns {list(columns)} are not all in 0..{size - 1}")
    mask = torch.zeros(size)
    mask[list(columns)] = 1.0
    return mask


def clip_guess(guess: Tensor, mask: Tensor, factor: float = FACTOR) -> Tensor:
    """The stored guess (..., A) with masked columns replaced by ``sign(.) / factor``."""
    return torch.where(mask.bool(), torch.sign(guess) / factor, guess)


def scale_statistics(normalizer: Normalizer, mask: Tensor, factor: float = FACTOR) -> None:
    """Make masked columns ``factor`` times smaller in normalised space; before training, and in place."""
    normalizer.std.mul_(torch.where(mask.bool(), factor, 1.0))


def decide(chunk: Tensor, mask: Tensor, low: float, high: float) -> Tensor:
    """Masked columns of a raw chunk (..., A) become ``low`` or ``high``, whichever side of the middle they are on."""
    middle = 0.5 * (low + high)
    return torch.where(mask.bool(), torch.where(chunk > middle, high, low), chunk)
