"""Turn a policy of another framework into a bundle, with proof that it computes the same.

`onnx` takes a single ONNX file of a reinforcement-learning framework, `lerobot` a checkpoint directory of LeRobot.

Examples:
    keel convert onnx policy.onnx --output walk.keel --robot go1 --rate-hz 50 --safety go1_safety.yaml
    keel convert lerobot outputs/train/checkpoints/last --template contract.yaml
    keel convert lerobot outputs/train/checkpoints/last --contract contract.yaml --output pick.keel
"""

from __future__ import annotations

from typing import Annotated

import tyro

from training.commands import convert_lerobot, convert_onnx

Args = (
    Annotated[convert_onnx.Args, tyro.conf.subcommand("onnx", description=convert_onnx.__doc__)]
    | Annotated[convert_lerobot.Args, tyro.conf.subcommand("lerobot", description=convert_lerobot.__doc__)]
)
"""Options of ``keel convert``: one subcommand per kind of source."""


def run(args: convert_onnx.Args | convert_lerobot.Args) -> int:
    """Convert; returns the exit code.

    Raises:
        BundleError: the source cannot be a bundle's policy.
        ConfigError: an option or a value of the contract is missing or makes no sense.
    """
    return convert_onnx.run(args) if isinstance(args, convert_onnx.Args) else convert_lerobot.run(args)
