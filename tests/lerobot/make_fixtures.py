"""Writes the small checkpoints and LeRobot's answers that `make test` compares with, without LeRobot.

Run in the environment of `make test-lerobot`: python -m tests.lerobot.make_fixtures
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import numpy as np

from tests.lerobot import reference

FIXTURES = Path(__file__).parents[1] / "training/convert/lerobot/fixtures"


def main() -> None:
    """Write both families."""
    for family in ("act", "diffusion"):
        directory = FIXTURES / family
        policy = reference.save(directory, family)
        history = policy.config.n_obs_steps
        horizon = policy.config.horizon if family == "diffusion" else 1
        given = reference.inputs(history, 1, horizon)
        expected = reference.answers(policy, directory, given)
        version = importlib.metadata.version("lerobot")
        np.savez_compressed(directory / "answers.npz", action=expected, lerobot=np.array(version), **given)
        (directory / "README.md").unlink(missing_ok=True)
        print(directory, expected.shape, version)


if __name__ == "__main__":
    main()
