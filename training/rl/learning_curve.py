"""The learning curve of a `keel train-rl` run as a picture: return and falls over simulated steps.

Example::

    python -m training.rl.learning_curve runs/go1 docs/images/go1_learning_curve.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from policy_nodes.errors import ConfigError
from training.commands.resolved import CONFIG_NAME
from training.rl.run import earlier_configs

RETURN, FALLS = "Train/mean_reward", "Episode/fall_rate"


def scalars(directory: Path, tag: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Iterations and values of one TensorBoard scalar; of iterations that were run twice, the later run counts.

    Raises:
        ConfigError: the directory has no such scalar.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: dict[int, float] = {}
    for path in sorted(directory.glob("events.out.tfevents.*")):
        events = EventAccumulator(str(path), size_guidance={"scalars": 0})
        events.Reload()
        if tag in events.Tags()["scalars"]:
            found.update({event.step: event.value for event in events.Scalars(tag)})
    if not found:
        raise ConfigError(f"'{directory}' has no scalar '{tag}'.", "give the directory of a keel train-rl run.")
    steps = np.array(sorted(found))
    return steps, np.array([found[int(step)] for step in steps])


def training_seconds(directory: Path, last: int | None = None) -> float | None:
    """Wall time of a run up to an iteration [s], from rsl_rl's own log; None where it has none."""
    try:
        parts = [scalars(directory, f"Perf/{name}_time") for name in ("collection", "learning")]
    except ConfigError:
        return None
    return round(sum(float(values[steps <= (steps[-1] if last is None else last)].sum()) for steps, values in parts), 1)


def smooth(values: NDArray[np.float64], width: int = 11) -> NDArray[np.float64]:
    """Running mean over ``width`` values; shorter at the ends."""
    kernel = np.ones(min(width, len(values)))
    result: NDArray[np.float64] = np.convolve(values, kernel, "same") / np.convolve(
        np.ones_like(values), kernel, "same"
    )
    return result


def plot(directory: Path, output: Path) -> None:
    """Write the picture."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ppo = json.loads((directory / CONFIG_NAME).read_text(encoding="utf-8"))["arguments"]["ppo"]
    per_iteration = ppo["steps"] * ppo["num_envs"] / 1e6
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), constrained_layout=True)
    for axis, tag, label in ((left, RETURN, "return per episode"), (right, FALLS, "episodes that end in a fall")):
        steps, values = scalars(directory, tag)
        axis.plot((steps + 1) * per_iteration, values, color="#9db4cf", linewidth=0.6)
        axis.plot((steps + 1) * per_iteration, smooth(values), color="#1f4e8c", linewidth=1.6)
        axis.set(xlabel="simulated steps (millions)", ylabel=label)
        axis.grid(alpha=0.3)
    for start, _ in earlier_configs(directory):  # resumed with another configuration
        left.axvline(start * per_iteration, color="#b04a3a", linewidth=1, linestyle="--")
    figure.savefig(output, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    plot(Path(sys.argv[1]), Path(sys.argv[2]))
