"""Losses count only the steps of a chunk that lie inside its episode."""

from __future__ import annotations

from torch import Tensor


def masked_mean(values: Tensor, is_pad: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over the elements that are not padding; 0 when everything is.

    Args:
        values: (B, H, A), for instance squared errors.
        is_pad: (B, H) True where the chunk runs past the end of its episode.
        weight: (B,) factor per sample, not normalised; None is 1.
    """
    keep = (~is_pad).to(values.dtype).unsqueeze(-1)
    counted = values * keep if weight is None else values * keep * weight.view(-1, 1, 1)
    return counted.sum() / (keep.sum() * values.shape[-1]).clamp(min=1.0)
