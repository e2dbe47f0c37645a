"""The default policy: flow matching with a residual MLP over the flattened chunk.

Chunked visuomotor flow policy in the manner of pi0's action head (Black et al., arXiv 2410.24164) with a state encoder.
Everything is in :class:`ChunkPolicy`; this class promises that the denoiser is a velocity field conditioned on the
embedding alone, which the real-time samplers of ``training/realtime`` build on.
"""

from __future__ import annotations

from training.policies.chunk_policy import ChunkPolicy
from training.policies.config import PolicyConfig

FlowPolicyConfig = PolicyConfig


class FlowPolicy(ChunkPolicy):
    """``denoiser(x (B, H, A), t (B,), embedding (B, E))`` is the velocity."""
