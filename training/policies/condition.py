"""What a denoiser is conditioned on, packed into one vector so that every backbone has the same signature.

    [ embedding E | history * step | static | tasks | extra ]

``embedding`` is the observation embedding, ``step`` the normalised features of one time step, ``static`` what is said
once (goal, task identity, language), ``tasks`` the raw one-hot that routers read, ``extra`` what the objective adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class FeatureLayout:
    """How an encoder's flat output is divided.

    Attributes:
        history: time steps.
        step: features of one of them.
        static: features that follow, said once.
        guided: columns that classifier-free guidance leaves out: goal, task, language.
        task: columns of a one-hot task identity, empty without one.
    """

    history: int
    step: int
    static: int = 0
    guided: tuple[int, ...] = ()
    task: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Length of the flat output."""
        return self.history * self.step + self.static


def feature_layout(encoder: Any) -> FeatureLayout:
    """The encoder's own ``layout``, or one derived from ``size``, ``history`` and ``tasks``."""
    own = getattr(encoder, "layout", None)
    if isinstance(own, FeatureLayout):
        return own
    tasks, history = int(getattr(encoder, "tasks", 0)), int(getattr(encoder, "history", 1))
    step, rest = divmod(encoder.size - tasks, history)
    assert rest == 0, "an encoder gives as many features at every time step"
    identity = tuple(range(history * step, history * step + tasks))
    return FeatureLayout(history, step, tasks, identity, identity)


@dataclass(frozen=True)
class ConditionLayout:
    """Sizes of the packed condition; a backbone that reads no tokens has only ``embedding`` and ``extra``."""

    embedding: int
    history: int = 0
    step: int = 0
    static: int = 0
    tasks: int = 0
    extra: int = 0

    @property
    def size(self) -> int:
        """Length of the packed condition."""
        return self.embedding + self.history * self.step + self.static + self.tasks + self.extra

    def _ends(self) -> tuple[int, int, int, int]:
        steps = self.embedding + self.history * self.step
        static = steps + self.static
        return steps, static, static + self.tasks, self.size

    def vector(self, condition: Tensor) -> Tensor:
        """(B, E + extra)."""
        start = self._ends()[2]
        if not self.extra:
            return condition[:, : self.embedding]
        return torch.cat([condition[:, : self.embedding], condition[:, start:]], dim=-1)

    def steps(self, condition: Tensor) -> Tensor:
        """(B, history, step), oldest first."""
        return condition[:, self.embedding : self._ends()[0]].unflatten(1, (self.history, self.step))

    def once(self, condition: Tensor) -> Tensor:
        """(B, static)."""
        return condition[:, self._ends()[0] : self._ends()[1]]

    def task(self, condition: Tensor) -> Tensor:
        """(B, tasks) one-hot."""
        return condition[:, self._ends()[1] : self._ends()[2]]


class ConditionTokens(nn.Module):
    """Condition (B, C) -> tokens (B, K, W): the embedding, what is said once, and one per observation step.

    Args:
        layout: of the condition.
        width: W.
    """

    def __init__(self, layout: ConditionLayout, width: int) -> None:
        super().__init__()
        self.layout = layout
        self.embedding = nn.Linear(layout.embedding + layout.extra, width)
        self.steps = nn.Linear(layout.step, width) if layout.history else None
        self.once = nn.Linear(layout.static, width) if layout.static else None
        self.count = 1 + layout.history + int(layout.static > 0)

    def forward(self, condition: Tensor) -> Tensor:
        """Tokens without positions."""
        tokens = [self.embedding(self.layout.vector(condition)).unsqueeze(1)]
        if self.once is not None:
            tokens.append(self.once(self.layout.once(condition)).unsqueeze(1))
        if self.steps is not None:
            # A strided input sends PyTorch to one of two matrix products, whichever, by whether the weight is frozen:
            # contiguous, freezing does not change the answers by a bit.
            tokens.append(self.steps(self.layout.steps(condition).contiguous()))
        return torch.cat(tokens, dim=1)
