"""Training logs: ``metrics.jsonl`` for the report and TensorBoard for people, both without steps that were lost."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

from training.atomic import write_file

METRICS_NAME = "metrics.jsonl"
TENSORBOARD_NAME = "tensorboard"


class MetricsLog:
    """Appends one record per logged step.

    Args:
        output: training output directory.
        step: steps already trained; TensorBoard hides what it holds beyond it.
    """

    def __init__(self, output: Path, step: int) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self._path = output / METRICS_NAME
        self._writer = SummaryWriter(str(output / TENSORBOARD_NAME), purge_step=step)
        self._began = time.monotonic()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def write(self, step: int, loss: float, learning_rate: float, validation: float | None) -> None:
        """Log one step; ``validation`` is None at steps at which it was not measured."""
        self._writer.add_scalar("loss/train", loss, step)
        self._writer.add_scalar("learning_rate", learning_rate, step)
        if validation is not None:
            self._writer.add_scalar("loss/validation", validation, step)
        seconds = time.monotonic() - self._began
        record = {"step": step, "loss": loss, "validation_loss": validation, "seconds": seconds}
        with self._path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def forget_after(output: Path, step: int) -> None:
    """Drop records of steps that an interruption lost and that will be trained again."""
    path = output / METRICS_NAME
    if path.is_file():
        kept = [line for line in path.read_text().splitlines() if _step(line) <= step]
        write_file(path, "".join(f"{line}\n" for line in kept))


def _step(line: str) -> float:
    """Step of a record; infinity for a line that a crash cut short."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
