"""Learning-rate schedule: linear warm-up, then cosine decay (Loshchilov & Hutter, arXiv 1608.03983)."""

from __future__ import annotations

import math

FINAL_SCALE = 0.01


def learning_rate_scale(step: int, warmup: int, total: int) -> float:
    """Factor of the peak learning rate at a step counted from 0.

    Args:
        step: optimiser steps already taken.
        warmup: steps of linear increase; the first step uses ``1 / warmup``.
        total: step at which the cosine reaches :data:`FINAL_SCALE` and stays there.
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, total - warmup))
    return FINAL_SCALE + (1.0 - FINAL_SCALE) * 0.5 * (1.0 + math.cos(math.pi * progress))
