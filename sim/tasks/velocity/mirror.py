"""The left-right symmetry of a legged robot: what it sees and does in a mirror is as valid as what it sees and does.

Reflection at the robot's x-z plane. Polar vectors (gravity, velocity) flip y; axial vectors (angular velocity) flip x
and z; left and right joints change places, and joints that turn about x or z change sign. Augmenting PPO's batches
with mirrored samples follows Mittal et al. 2024 (arXiv 2403.04359).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Mirror:
    """A signed permutation: ``mirrored[..., i] = sign[i] * vector[..., index[i]]``.

    Attributes:
        index: (d,) where each entry comes from.
        sign: (d,) +1 or -1.
    """

    index: NDArray[np.int64]
    sign: NDArray[np.float32]

    def __call__(self, vector: NDArray[np.floating]) -> NDArray[np.floating]:
        """The vectors (..., d) as in the mirror."""
        return vector[..., self.index] * self.sign


def concatenate(*parts: Mirror) -> Mirror:
    """The mirror of concatenated vectors."""
    offsets = np.cumsum([0, *(len(part.index) for part in parts[:-1])])
    return Mirror(
        np.concatenate([part.index + offset for part, offset in zip(parts, offsets, strict=True)]),
        np.concatenate([part.sign for part in parts]),
    )


def polar() -> Mirror:
    """Of velocities, forces, positions, gravity: y flips."""
    return Mirror(np.arange(3), np.array([1, -1, 1], dtype=np.float32))


def axial() -> Mirror:
    """Of angular velocities and torques: x and z flip."""
    return Mirror(np.arange(3), np.array([-1, 1, -1], dtype=np.float32))


def planar_command() -> Mirror:
    """Of (vx, vy, yaw rate): the last two flip."""
    return Mirror(np.arange(3), np.array([1, -1, -1], dtype=np.float32))


def joints(names: tuple[str, ...], swaps: tuple[tuple[str, str], ...], flipped: tuple[str, ...]) -> Mirror:
    """Of joint vectors.

    Args:
        names: joints in order.
        swaps: pairs of name parts that stand for left and right, e.g. ``(("FL", "FR"), ("RL", "RR"))``.
        flipped: name parts of joints that change sign (those that turn about x or z), e.g. ``("hip",)``.

    Raises:
        ValueError: a joint has no partner.
    """
    table = {a: b for pair in swaps for a, b in (pair, pair[::-1])}

    def partner(name: str) -> str:
        for part, other in table.items():
            if part in name:
                return name.replace(part, other)
        return name

    if alone := [name for name in names if partner(name) not in names]:
        raise ValueError(f"joint '{alone[0]}' has no partner '{partner(alone[0])}'")
    index = np.array([names.index(partner(name)) for name in names])
    sign = np.array([-1 if any(part in name for part in flipped) else 1 for name in names], dtype=np.float32)
    return Mirror(index, sign)


def actor_mirror(joint: Mirror) -> Mirror:
    """Of the actor's observation, see ``observations``; ``joint`` is that of the joints."""
    return concatenate(axial(), polar(), planar_command(), joint, joint, joint)
