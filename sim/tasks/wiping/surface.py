"""A wiping tool over a compliant surface whose height nobody sees: one degree of freedom, pressed down by position.

The tool moves along x at a constant speed and is commanded in z. Contact is a spring, ``force = k * max(0, h - z)``,
and the tool follows its command with a first-order lag. The surface may shift in the middle of a chunk, which only the
force tells. A model for studying reaction within a chunk, as in Xue et al., "Reactive Diffusion Policy", arXiv
2503.02881; it is no arm, and says nothing about one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SurfaceConfig:
    """The model, SI units.

    Attributes:
        rate_hz: control rate.
        stiffness: of the contact, N/m.
        spread: standard deviation of the logarithm of the stiffness between strokes.
        demanded: contact force, N.
        lag_s: time constant of the tool.
        height: standard deviation of the surface's height at the start, m.
        shift: standard deviation of a shift, m.
        shift_probability: chance of a shift in a control period.
    """

    rate_hz: float = 24.0
    stiffness: float = 500.0
    demanded: float = 5.0
    lag_s: float = 0.03
    height: float = 0.01
    shift: float = 0.006
    shift_probability: float = 0.03
    spread: float = 0.0


class WipingSurface:
    """One wiping stroke.

    Attributes:
        height: of the surface, m.
        stiffness: of the contact, N/m.
        z: height of the tool, m.

    Args:
        config: the model.
        seed: of heights and shifts.
    """

    def __init__(self, config: SurfaceConfig | None = None, seed: int = 0) -> None:
        self.config = config or SurfaceConfig()
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """A new surface, in contact at about half the demanded force."""
        self._rng = np.random.default_rng(seed)
        self.height = float(self._rng.normal(0.0, self.config.height))
        self.stiffness = self.config.stiffness
        if self.config.spread > 0.0:
            self.stiffness *= float(np.exp(self._rng.normal(0.0, self.config.spread)))
        self.z = self.height - 0.5 * self.config.demanded / self.stiffness

    @property
    def force(self) -> float:
        """Contact force, N; what the wrist sensor says."""
        return self.stiffness * max(0.0, self.height - self.z)

    def step(self, command: float) -> None:
        """Advance one control period under a commanded height (m)."""
        config = self.config
        if self._rng.random() < config.shift_probability:
            self.height += float(self._rng.normal(0.0, config.shift))
        share = 1.0 - np.exp(-1.0 / (config.rate_hz * config.lag_s))
        self.z += float(share * (command - self.z))


class AdmittanceExpert:
    """Presses by admittance control: the commanded height moves against the force error.

    Args:
        config: of the surface.
        gain: share of the error that is corrected per period.
    """

    def __init__(self, config: SurfaceConfig, gain: float = 0.6) -> None:
        self._config, self._gain = config, gain

    def act(self, surface: WipingSurface) -> float:
        """Commanded height (m) for the next period."""
        error = surface.force - self._config.demanded
        return surface.z + self._gain * error / self._config.stiffness


def force_error(forces: np.ndarray, demanded: float) -> float:
    """Root mean square of the contact force error, N."""
    return float(np.sqrt(np.mean((np.asarray(forces) - demanded) ** 2)))
