"""Where a training run computes: one process or several, CPU or GPU, and in which precision.

Several processes are started by ``accelerate launch`` (or ``torchrun``); Accelerate sets up their communication. Each
computes its share of every batch, gradients are averaged (Li et al., "PyTorch Distributed", arXiv 2006.15704), and
only the first one writes files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from policy_nodes.errors import ConfigError

Device = Literal["cpu", "cuda"]
Precision = Literal["float32", "bfloat16", "float16"]


def check_precision(device: Device, precision: Precision) -> None:
    """Refuse what the device cannot do.

    Raises:
        ConfigError: half precision on a CPU, or a device that this machine lacks.
    """
    if precision == "float16" and device == "cpu":
        raise ConfigError(
            "--config.precision float16 needs a GPU: gradients below 6e-8 vanish, and CPUs compute it in software.",
            "use bfloat16 or float32 on the CPU, or --config.device cuda.",
        )
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "--config.device is cuda, but torch finds no GPU.", "use --config.device cpu, or check `keel doctor`."
        )


class Processes:
    """This process among those of the run.

    Attributes:
        rank: number of this process.
        world: number of processes.
        device: where the network is.

    Args:
        device: ``cpu`` or ``cuda``.
        precision: of the products in the network; weights and optimiser stay float32.

    Raises:
        ConfigError: the device cannot do it.
    """

    def __init__(self, device: Device = "cpu", precision: Precision = "float32") -> None:
        check_precision(device, precision)
        self.rank, self.world, self._state = 0, 1, None
        self.device = torch.device(device)
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import PartialState  # seconds to import, and only needed here

            self._state = PartialState(cpu=device == "cpu")
            self.rank, self.world = self._state.process_index, self._state.num_processes
            self.device = self._state.device
        self._dtype = getattr(torch, precision)
        self._scaler = torch.amp.GradScaler(device, enabled=precision == "float16")
        self._precision = precision

    @property
    def first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def wait(self) -> None:
        """Until every process is here."""
        if self._state is not None:
            self._state.wait_for_everyone()

    def shared(self, module: nn.Module) -> nn.Module:
        """The module, its gradients averaged over all processes."""
        module.to(self.device)
        if self.world == 1:
            return module
        return DistributedDataParallel(module, broadcast_buffers=False, gradient_as_bucket_view=False)

    def autocast(self) -> AbstractContextManager[Any]:
        """Context in which the network computes."""
        if self._precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self._dtype)

    @contextmanager
    def unsynchronised(self, module: nn.Module, skip: bool) -> Iterator[None]:
        """Leave gradients local while ``skip``: they are averaged once, with the last part of a batch."""
        if skip and isinstance(module, DistributedDataParallel):
            with module.no_sync():
                yield
        else:
            yield

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss, scaled in half precision so that they do not vanish."""
        self._scaler.scale(loss).backward()

    def clip(self, optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], limit: float) -> float:
        """Clip the gradients' global norm; returns the norm before."""
        self._scaler.unscale_(optimizer)
        return float(torch.nn.utils.clip_grad_norm_(parameters, limit))

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """One optimiser step."""
        self._scaler.step(optimizer)
        self._scaler.update()

    def mean(self, value: float) -> float:
        """Mean of a number over all processes."""
        if self.world == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(total)
        return float(total) / self.world

    def close(self) -> None:
        """Leave the group of processes."""
        if self._state is not None and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
