"""An rsl_rl actor as a single ONNX file: raw terms in, action out, scales folded in, metadata that others read.

Input ``obs`` (B, 9 + 3 J) in physical units: angular velocity [rad/s], projected gravity, command [m/s, m/s, rad/s],
joint positions minus default pose [rad], joint velocities [rad/s], previous action. Output ``actions`` (B, J); joint
target = default pose + scale * action. That is the convention of mjlab's exports, so ``keel convert onnx`` and other
readers of its metadata need no further settings.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from policy_nodes.errors import ConfigError
from sim.tasks.velocity.observations import ACTOR_TERMS
from sim.tasks.velocity.task import VelocityTask
from training.export.graph import to_onnx

COMMANDS = ("lin_vel_x", "lin_vel_y", "ang_vel_z")


class DeployedActor(nn.Module):
    """Scale, network, clip: what the robot runs.

    Args:
        network: (B, d) scaled observations -> (B, J) mean action.
        scale: (d,) factors on the raw observation.
        clip: actions beyond are cut, as in training.
    """

    def __init__(self, network: nn.Module, scale: NDArray[np.float32], clip: float) -> None:
        super().__init__()
        self.network, self.clip = network, clip
        self.scale: Tensor
        self.register_buffer("scale", torch.from_numpy(scale))

    def forward(self, obs: Tensor) -> Tensor:
        """(B, d) raw observations -> (B, J) actions."""
        actions: Tensor = self.network(obs * self.scale)
        return torch.clamp(actions, -self.clip, self.clip)


def load_actor(checkpoint: Path, sizes: tuple[int, ...], activation: str) -> nn.Module:
    """The actor's network of an rsl_rl checkpoint.

    Args:
        checkpoint: ``model_N.pt``; only tensors are read from it.
        sizes: widths from input to output.
        activation: name as in the configuration.

    Raises:
        ConfigError: the file is not such a checkpoint, or has other sizes.
    """
    from rsl_rl.modules import MLP

    network = MLP(sizes[0], sizes[-1], list(sizes[1:-1]), activation)
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)["actor_state_dict"]
        weights = {key.removeprefix("mlp."): value for key, value in state.items() if key.startswith("mlp.")}
        network.load_state_dict(weights)
    except (OSError, EOFError, KeyError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise ConfigError(
            f"'{checkpoint}' is not a checkpoint of this network: {str(error)[:200]}",
            "export with the settings of its own run.",
        ) from None
    return network.eval()


def observation_scale(task: VelocityTask) -> NDArray[np.float32]:
    """(9 + 3 J,) factors that training puts on the raw terms."""
    scales, joints = task.cfg.scales, len(task.robot.joints)
    return np.concatenate(
        [
            np.full(3, scales.angular_velocity),
            np.ones(3),
            scales.command,
            np.full(joints, scales.joint_position),
            np.full(joints, scales.joint_velocity),
            np.ones(joints),
        ]
    ).astype(np.float32)


def metadata(task: VelocityTask) -> dict[str, str]:
    """Pairs in the keys of mjlab's exporter, with nine significant digits."""
    robot, commands = task.robot, task.cfg.commands

    def comma(values: Any) -> str:
        return ",".join(f"{float(value):.9g}" for value in values)

    ranges = dict(zip(COMMANDS, (commands.linear_x, commands.linear_y, commands.yaw_rate), strict=True))
    return {
        "joint_names": ",".join(robot.joints),
        "joint_stiffness": comma(robot.stiffness),
        "joint_damping": comma(robot.damping),
        "default_joint_pos": comma(robot.default_pose),
        "action_scale": comma(robot.action_scale),
        "observation_names": ",".join(ACTOR_TERMS),
        "command_names": ",".join(COMMANDS),
        "command_ranges": json.dumps(ranges),
        "control_frequency_hz": f"{1.0 / task.cfg.step_dt:.9g}",
        "robot": robot.name,
    }


def export_actor(network: nn.Module, task: VelocityTask) -> bytes:
    """The serialised ONNX file of a trained actor, checked against the network on random observations.

    Raises:
        ConfigError: ONNX Runtime computes something else than torch.
    """
    module = DeployedActor(network, observation_scale(task), task.cfg.action_clip).eval()
    size = task.observation_groups["policy"]
    content = to_onnx(module, (torch.zeros(2, size),), ["obs"], metadata(task), outputs=["actions"])
    _check(content, module, size)
    return content


def _check(content: bytes, module: nn.Module, size: int) -> None:
    obs = np.random.default_rng(0).normal(size=(64, size)).astype(np.float32)
    with torch.inference_mode():
        expected = module(torch.from_numpy(obs)).numpy()
    error = float(np.abs(OnnxPolicy(content)(obs) - expected).max())
    if error > 1e-4:
        raise ConfigError(f"ONNX Runtime and torch differ by {error:.1e}.", "report this with both versions.")


class OnnxPolicy:
    """Runs an exported actor: (N, d) raw observations -> (N, J) actions.

    Args:
        content: the file's bytes.
    """

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def __call__(self, obs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Actions of a batch."""
        result: NDArray[np.float32] = self._session.run(None, {"obs": obs})[0]
        return result


class ScaledPolicy:
    """An exported actor behind a task's scaled observations, for measurements in the training environment.

    Args:
        policy: raw observations -> actions.
        scale: (d,) the task's factors.
    """

    def __init__(self, policy: OnnxPolicy, scale: NDArray[np.float32]) -> None:
        self.policy, self.scale = policy, scale

    def __call__(self, obs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Actions for scaled observations (N, d)."""
        return self.policy(obs / self.scale)
