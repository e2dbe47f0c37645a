"""Policies as the frameworks export them, small: two joints, an MLP, the batch fixed to one."""

from __future__ import annotations

import io
import json
import warnings

import numpy as np
import onnx
import torch
from onnx import helper

JOINTS = ("hip", "knee")
DEFAULT = (0.1, -1.5)
SCALE = (0.25, 0.5)
STIFFNESS, DAMPING = (20.0, 25.5), (0.5, 0.7)
TERMS = {"base_ang_vel": 3, "projected_gravity": 3, "command": 3, "joint_pos": 2, "joint_vel": 2, "actions": 2}
SIZE = sum(TERMS.values())
URDF = """<robot name="leg">
  <joint name="hip" type="revolute"><limit lower="-1.0" upper="1.0" velocity="20" effort="23"/></joint>
  <joint name="knee" type="revolute"><limit lower="-2.6" upper="-0.5" velocity="25" effort="35"/></joint>
  <joint name="wheel" type="continuous"><limit velocity="10" effort="1"/></joint>
</robot>"""
SAFETY = """joints:
- {name: knee, position_min: -2.6, position_max: -0.5, velocity: 25, acceleration: 300, jerk: 30000}
- {name: hip, position_min: -1.0, position_max: 1.0, velocity: 20, acceleration: 300, jerk: 30000}
"""


class Actor(torch.nn.Module):
    """rsl_rl's exporter: a normaliser and an MLP with ELU."""

    def __init__(self, size: int, actions: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mean, self.std = torch.randn(size) * 0.1, torch.rand(size) + 0.5
        self.net = torch.nn.Sequential(
            torch.nn.Linear(size, 16), torch.nn.ELU(), torch.nn.Linear(16, 16), torch.nn.ELU(),
            torch.nn.Linear(16, actions),
        )  # fmt: skip

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.net((obs - self.mean) / (self.std + 1e-2))


def exported(size: int = SIZE, inputs: str = "obs", outputs: str = "actions", **metadata: str) -> tuple[bytes, Actor]:
    """The file's bytes and the network in it."""
    actor, stream = Actor(size).eval(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            actor, (torch.zeros(1, size),), stream, dynamo=False, opset_version=18, input_names=[inputs],
            output_names=[outputs], dynamic_axes={},
        )  # fmt: skip
    model = onnx.load_from_string(stream.getvalue())
    helper.set_model_props(model, metadata)
    return model.SerializeToString(), actor


def comma(values) -> str:
    return ",".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in values)


def mjlab(**changes: str) -> dict[str, str]:
    """Metadata as Isaac Lab and mjlab write it."""
    pairs = {
        "run_path": "team/run/1", "joint_names": comma(JOINTS), "joint_stiffness": comma(STIFFNESS),
        "joint_damping": comma(DAMPING), "default_joint_pos": comma(DEFAULT), "command_names": "twist",
        "observation_names": comma(TERMS), "action_scale": comma(SCALE),
    }  # fmt: skip
    return {key: value for key, value in (pairs | changes).items() if value}


def holosoma() -> dict[str, str]:
    """Metadata as holosoma writes it: JSON, with the robot's description."""
    return {
        "dof_names": json.dumps(JOINTS), "kp": json.dumps(STIFFNESS), "kd": json.dumps(DAMPING),
        "command_ranges": json.dumps({"lin_vel_x": [-0.5, 1.0], "lin_vel_y": [-0.3, 0.3], "ang_vel_yaw": [-1.0, 1.0]}),
        "robot_urdf": json.dumps(URDF), "robot_urdf_path": json.dumps("leg.urdf"),
    }  # fmt: skip


def by_hand(actor: Actor, raw: dict[str, np.ndarray]) -> np.ndarray:
    """Joint targets of one observation, as the framework's own deployment code would compute them."""
    last_action = (raw["actions"] - DEFAULT) / np.array(SCALE)
    parts = [
        raw["base_ang_vel"], raw["projected_gravity"], raw["command"], raw["joint_pos"] - DEFAULT, raw["joint_vel"],
        last_action,
    ]  # fmt: skip
    observation = torch.tensor(np.concatenate(parts), dtype=torch.float32)[None]
    with torch.no_grad():
        return np.array(DEFAULT) + np.array(SCALE) * actor(observation)[0].numpy()
