"""A trained policy in the form that is exported: same numbers, operators that an inference engine runs fast.

Experts that are chosen by the noise level alone become one network per level, and one-dimensional convolutions become
matrix products (ONNX Runtime is weak at the former).
"""

from __future__ import annotations

import copy

from torch import nn

from training.policies.backbones.convolution import use_matmul
from training.policies.chunk_policy import ChunkPolicy
from training.policies.levels import sampled_levels


def deployable(policy: ChunkPolicy) -> ChunkPolicy:
    """A copy in evaluation mode; ``policy`` is left as it is."""
    ready = copy.deepcopy(policy).eval()
    fuse = getattr(ready.denoiser, "fuse", None)
    if fuse is not None:
        fuse(sampled_levels(policy))
    denoiser: nn.Module = ready.denoiser
    use_matmul(denoiser)
    return ready
