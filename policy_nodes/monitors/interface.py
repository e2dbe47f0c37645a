"""What a detector sees of one policy call, and what every score implements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from policy_nodes.errors import CalibrationError
from policy_nodes.types import FloatArray

SCORE_OFFSET = 1e-6
"""Added to every score, so that no threshold can be zero (FIPER, arXiv 2510.09459, released code)."""


@dataclass(frozen=True)
class CallFeatures:
    """One policy call, reduced to what scores need.

    Attributes:
        embedding: (E,) the policy's conditioning vector.
        chunks: (B, H, A) sampled action chunks in contract units.
        positions: (B, H, 3) end-effector positions of the chunks, m, base frame.
        distance: random network distillation error of the embedding.
        elapsed: chunk steps since the previous call of the episode; None: the contract's execution horizon.
        driving: the policy moves the robot; otherwise it rests, and what an episode adds up no longer counts.
    """

    embedding: FloatArray
    chunks: FloatArray
    positions: FloatArray
    distance: float
    elapsed: int | None = None
    driving: bool = True


class Score(Protocol):
    """A scalar that grows when the policy is likelier to fail. It may keep state between the calls of an episode."""

    name: str

    def reset(self) -> None:
        """Forget the episode."""

    def step(self, call: CallFeatures) -> float:
        """Score of one call, > 0."""


@dataclass(frozen=True)
class PolicyIdentity:
    """What thresholds depend on; they are void for any other policy or way of sampling it.

    Attributes:
        sha256: of ``policy.onnx``.
        samples: chunks sampled per call, B.
        horizon: steps per chunk, H.
        action_size: A.
        embedding_size: E.
    """

    sha256: str
    samples: int
    horizon: int
    action_size: int
    embedding_size: int

    def require(self, other: PolicyIdentity) -> None:
        """Refuse ``other``, the policy that runs now, unless it is the calibrated one.

        Raises:
            CalibrationError: names every difference.
        """
        names = ("sha256", "samples", "horizon", "action_size", "embedding_size")
        differences = [
            f"{name} is {getattr(other, name)}, calibrated {getattr(self, name)}"
            for name in names
            if getattr(self, name) != getattr(other, name)
        ]
        if differences:
            raise CalibrationError(
                f"The failure predictor was calibrated for another policy: {'; '.join(differences)}.",
                "sample as calibrated, or run keel calibrate on this bundle again.",
            )
