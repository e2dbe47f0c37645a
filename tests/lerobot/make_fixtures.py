"""Writes the small checkpoints and LeRobot's answers that `make test` compares with, without LeRobot.

Run in the environment of `make test-lerobot`: python -m tests.lerobot.make_fixtures
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import numpy as np

from tests.lerobot import reference

FIXTURES = Path(__file__).parents[1] / "training/convert/lerobot/fixtures"

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "act": ("act", {}),
    "diffusion": ("diffusion", {}),
    "act_cameras": ("act", {"cameras": {reference.TOP: (64, 96), reference.WRIST: (70, 64)}}),
    "diffusion_cameras": (
        "diffusion",
        {
            "cameras": {reference.TOP: (64, 96), reference.WRIST: (64, 96)},
            "crop_shape": (60, 84),
            "use_group_norm": True,
            "spatial_softmax_num_keypoints": 8,
        },
    ),
}


def main() -> None:
    """Write both families, without cameras and with them."""
    for name, (family, options) in CASES.items():
        directory, cameras = FIXTURES / name, options.get("cameras")
        policy = reference.save(directory, family, **options)
        history = policy.config.n_obs_steps
        horizon = policy.config.horizon if family == "diffusion" else 1
        given = reference.inputs(history, 1, horizon, 2 if cameras else 5, cameras)
        expected = reference.answers(policy, directory, given)
        version = importlib.metadata.version("lerobot")
        np.savez_compressed(directory / "answers.npz", action=expected, lerobot=np.array(version), **given)
        (directory / "README.md").unlink(missing_ok=True)
        if cameras:  # 45 MB that follow from weights.json
            (directory / "model.safetensors").unlink()
        print(directory, expected.shape, version)


if __name__ == "__main__":
    main()
