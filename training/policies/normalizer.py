"""Affine normalisation kept inside the policy, so that the exported graph reads and writes raw quantities."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from policy_nodes.errors import ContractError

STD_FLOOR = 1e-4
"""Smallest scale (in the raw unit). Below it a dimension is constant, and not blown up to unit variance."""


class Normalizer(nn.Module):
    """``(x - mean) / std`` and its inverse, with statistics fitted on the training data.

    Statistics are buffers filled with NaN until ``fit``: a policy whose statistics were forgotten produces NaN, and
    :meth:`require_fitted` refuses it by name, instead of running un-normalised.

    Args:
        shape: shape of one sample's statistics, e.g. (D,) or (H, A).
        constant_scale: scale of a dimension that does not vary. The raw unit by default; for what a network *writes*,
            :data:`STD_FLOOR`, so that its error in a constant stays as small as the constant's own variation.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, shape: tuple[int, ...], constant_scale: float = 1.0) -> None:
        super().__init__()
        self.constant_scale = constant_scale
        self.register_buffer("mean", torch.full(shape, float("nan")))
        self.register_buffer("std", torch.full(shape, float("nan")))

    def fit(self, mean: Tensor, std: Tensor) -> None:
        """Set the statistics; dimensions with ``std`` below :data:`STD_FLOOR` get ``constant_scale``.

        Raises:
            ContractError: shapes differ from the declared one or a value is not finite.
        """
        if mean.shape != self.mean.shape or std.shape != self.std.shape:
            raise ContractError(
                f"statistics have shape {tuple(mean.shape)}, the policy expects {tuple(self.mean.shape)}.",
                "compute them from the dataset that the policy is trained on.",
            )
        if not bool(torch.isfinite(mean).all() and torch.isfinite(std).all()):
            raise ContractError("statistics contain NaN or Inf.", "check the dataset for non-finite values.")
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std < STD_FLOOR, self.constant_scale, std))

    def require_fitted(self, feature: str) -> None:
        """Raise ContractError naming ``feature`` when its statistics were never set."""
        if not bool(torch.isfinite(self.mean).all() and torch.isfinite(self.std).all()):
            raise ContractError(
                f"feature '{feature}' has no statistics.",
                "train the policy (keel train fits them); nothing is exported un-normalised.",
            )

    def forward(self, x: Tensor) -> Tensor:
        """Raw (..., *shape) -> normalised."""
        return (x - self.mean) / self.std

    def inverse(self, x: Tensor) -> Tensor:
        """Normalised (..., *shape) -> raw."""
        return x * self.std + self.mean


def masked_moments(values: Tensor, is_pad: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (H, A) of chunks (N, H, A) over the steps that are no padding (N, H)."""
    keep = (~is_pad).to(values.dtype).unsqueeze(-1)
    count = keep.sum(0)
    mean = (values * keep).sum(0) / count.clamp(min=1.0)
    variance = ((values - mean).square() * keep).sum(0) / (count - 1.0).clamp(min=1.0)
    return mean, variance.sqrt()
