"""A learned actuator: a small network from a joint's recent errors and velocities to its torque.

Hwangbo et al. 2019 (arXiv 1901.08652): a softsign MLP with two hidden layers per joint, inputs the position errors and
velocities at three moments (now, 10 ms and 20 ms ago), trained on data of the real drive. The weights are shared by all
joints. Only inference is here; train it with any library and give the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.errors import RobotModelError

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class ActuatorNet:
    """Weights of the network.

    Attributes:
        weights: matrices (in, out) of each layer; biases: (out,) of each layer.
        history: moments per input, newest first.
        error_scale: factor on position errors [1/rad]; velocity_scale: on velocities [s/rad].
        torque_scale: factor on the output [N m].

    Raises:
        RobotModelError: the shapes do not fit together.
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]
    history: int = 3
    error_scale: float = 1.0
    velocity_scale: float = 1.0
    torque_scale: float = 1.0

    def __post_init__(self) -> None:
        width = 2 * self.history
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if weight.shape != (width, len(bias)):
                raise RobotModelError(
                    f"layer {i} of the actuator network has shape {weight.shape}, expected ({width}, {len(bias)}).",
                    "give the transposed matrix, or check the number of moments.",
                )
            width = len(bias)
        if width != 1:
            raise RobotModelError(f"the actuator network has {width} outputs.", "it must give one torque.")

    @classmethod
    def load(cls, path: Path) -> ActuatorNet:
        """Read ``weight_0``, ``bias_0``, ... and the scalars of the same names as the attributes from an .npz file.

        Raises:
            RobotModelError: the file is missing or incomplete.
        """
        try:
            with np.load(path, allow_pickle=False) as data:
                layers = sum(name.startswith("weight_") for name in data.files)
                scalars = {k: float(data[k]) for k in ("error_scale", "velocity_scale", "torque_scale") if k in data}
                return cls(
                    tuple(data[f"weight_{i}"] for i in range(layers)),
                    tuple(data[f"bias_{i}"] for i in range(layers)),
                    int(data["history"]),
                    **scalars,
                )
        except (OSError, KeyError, ValueError) as error:
            raise RobotModelError(f"'{path}' is not an actuator network: {error}.", "see ActuatorNet.load.") from None


def network_torque(errors: Sequence[Floats], velocities: Sequence[Floats], net: ActuatorNet) -> Floats:
    """Torque (N, J) [N m].

    Args:
        errors: ``net.history`` arrays (N, J) of target minus position [rad], newest first.
        velocities: the same of joint velocities [rad/s].
        net: the weights.
    """
    x = np.stack([*(net.error_scale * e for e in errors), *(net.velocity_scale * v for v in velocities)], axis=-1)
    for i, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        x = x @ weight + bias
        if i < len(net.weights) - 1:
            x = x / (1.0 + np.abs(x))
    torque: Floats = net.torque_scale * x[..., 0]
    return torque
