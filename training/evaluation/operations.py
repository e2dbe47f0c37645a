"""What a policy costs, counted and not estimated: parameters, active parameters and floating-point operations.

A multiplication and an addition count as two operations. Matrix products, convolutions and attention are counted by
running the policy once as it is deployed (experts fused, routers gone); element-wise arithmetic is left out, as usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from policy_nodes.bundle.manifest import ObservationFeature
from training.export.deployable import deployable
from training.policies.chunk_policy import ChunkPolicy


@dataclass(frozen=True)
class Operations:
    """Costs of one chunk, batch 1.

    Attributes:
        parameters: of the whole policy, every expert and router counted.
        active_parameters: that one evaluation of the network uses, as deployed.
        evaluations: of the network per chunk.
        per_evaluation: floating-point operations of one of them.
        per_chunk: of the whole chunk, observation embedding and sampler included.
    """

    parameters: int
    active_parameters: int
    evaluations: int
    per_evaluation: int
    per_chunk: int


def count_operations(policy: ChunkPolicy, features: Sequence[ObservationFeature]) -> Operations:
    """Costs of a policy for observations of these features."""
    ready = deployable(policy)
    device = ready.relative.device
    observation = {f.name: torch.zeros(1, f.history, f.size, device=device) for f in features}
    noise = torch.zeros(1, ready.noise_rows, ready.action_dim, device=device)
    inside: list[int] = []
    total = _Counter()
    with total:
        before = ready.denoiser.register_forward_pre_hook(lambda *_: inside.append(-total.operations))
        after = ready.denoiser.register_forward_hook(lambda *_: inside.append(total.operations))
        ready(observation, noise)
    before.remove()
    after.remove()
    return Operations(
        parameters=sum(p.numel() for p in policy.parameters()),
        active_parameters=active_parameters(policy),
        evaluations=len(inside) // 2,
        per_evaluation=round(2 * sum(inside) / max(len(inside), 1)),
        per_chunk=total.operations,
    )


def active_parameters(policy: ChunkPolicy) -> int:
    """Parameters that one evaluation of the network uses, as deployed: all but idle experts and routers."""
    return sum(p.numel() for p in policy.parameters()) - idle_parameters(policy.denoiser)


def idle_parameters(network: nn.Module) -> int:
    """Parameters of a network that one deployed evaluation does not touch; 0 without experts."""
    idle = getattr(network, "idle_parameters", None)
    return int(idle()) if callable(idle) else 0


def count_network(network: nn.Module, *inputs: Tensor) -> int:
    """Floating-point operations of one call of a network; ``meta`` tensors are counted without being computed."""
    with _Counter() as counter:
        network(*inputs)
    return counter.operations


class _Counter:
    """Counts while it is entered. Attention runs as plain products, which every device and the counter know."""

    def __init__(self) -> None:
        self._counter, self._stack = FlopCounterMode(display=False), ExitStack()

    @property
    def operations(self) -> int:
        """Up to now."""
        return int(self._counter.get_total_flops())

    def __enter__(self) -> _Counter:
        self._stack.enter_context(torch.no_grad())
        self._stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        self._stack.enter_context(self._counter)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
