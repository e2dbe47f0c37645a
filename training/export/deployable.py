"""A trained policy in the form that is exported: same numbers, operators that an inference engine runs fast.

Experts that are chosen by the noise level alone become one network per level, embeddings of the level become tables,
and one-dimensional convolutions become matrix products (ONNX Runtime is weak at the former).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import nn

from training.policies.backbones.convolution import use_matmul
from training.policies.chunk_policy import ChunkPolicy
from training.policies.levels import sampled_levels, tabulate_levels


def deployable(policy: ChunkPolicy) -> ChunkPolicy:
    """A copy in evaluation mode; ``policy`` is left as it is."""
    ready = copy.deepcopy(policy).eval()
    denoiser: nn.Module = ready.denoiser
    levels = sampled_levels(policy)
    fuse = getattr(denoiser, "fuse", None)
    if fuse is not None:
        fuse(levels)
    tabulate_levels(denoiser, levels)
    use_matmul(denoiser)
    return ready


def step_deployable(policy: ChunkPolicy, levels: Sequence[float]) -> ChunkPolicy:
    """A copy for one evaluation at a level chosen at run time, so that experts are not fused.

    Args:
        policy: left as it is.
        levels: of the table, by number.
    """
    ready = copy.deepcopy(policy).eval()
    denoiser: nn.Module = ready.denoiser
    tabulate_levels(denoiser, levels)
    use_matmul(denoiser)
    return ready
