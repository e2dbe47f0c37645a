"""The Panda reach-avoid controller as a bundle: measured joints, goal and sphere in, joint targets of one plan out."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from policy_nodes.bundle.load import Bundle
from policy_nodes.bundle.manifest import ActionSpec, ObservationFeature, PolicyInfo, Timing
from policy_nodes.bundle.onnx_metadata import contract_pairs
from policy_nodes.bundle.write import write_bundle
from policy_nodes.safety.config import SafetyConfig
from sim.robots import panda
from training.contracts.panda_cell import POSE_AXES
from training.contracts.reach_avoid_safety import reach_avoid_safety
from training.export.contents import bundle_files, graph_tensors, require_parity
from training.export.graph import EMBEDDING, export_graph
from training.export.parity import graph_errors, reference_outputs
from training.export.provenance import origin
from training.stl_npc.panda import PandaReachAvoid
from training.stl_npc.policy import PredictivePolicy
from training.stl_npc.train import NpcConfig

STATE, ENVIRONMENT = "observation.state", "observation.environment_state"
TOLERANCE = 1e-5
RATE_HZ = 50.0
EXECUTION_HORIZON = 3
"""Periods before the next plan is due."""


class JointTargets(nn.Module):
    """Observation -> chunk: row k is where the plan has the arm k + 1 periods after the observation; the gripper holds.

    The targets lead by one period of 0.1 s, because that is how far the arm's position servos lag behind (damping over
    stiffness). Without the lead every new plan would call the command back to the measured position.

    Args:
        policy: trained on :class:`PandaReachAvoid`.
    """

    low: Tensor
    high: Tensor

    def __init__(self, policy: PredictivePolicy) -> None:
        super().__init__()
        task = policy.task
        assert isinstance(task, PandaReachAvoid)
        self.policy, self.period_s = policy, task.period_s
        self.tool, self.points = task.tool, nn.ModuleList(task.points)
        self.register_buffer("low", task.low)
        self.register_buffer("high", task.high)

    def forward(self, observation: dict[str, Tensor], noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, 1, 8) joints, (B, 1, 14) poses -> (B, steps, 8) targets, (B, width) embedding."""
        joints, poses = observation[STATE][:, -1], observation[ENVIRONMENT][:, -1]
        state = torch.cat([joints[:, :7], poses[:, :3], poses[:, 7:10]], 1)
        embedding = self.policy.embedding(state)
        travel = (self.policy.controls(embedding) * self.period_s).cumsum(1)
        arm = joints[:, None, :7] + travel
        arm = torch.minimum(torch.maximum(arm, self.low), self.high)
        finger = joints[:, None, 7:8].expand(-1, arm.shape[1], -1)
        return torch.cat([arm, finger], 2), embedding


def contract(task: PandaReachAvoid) -> tuple[list[ObservationFeature], ActionSpec, Timing, SafetyConfig]:
    """Topics, joints and limits: those of the Panda cell, with the sphere in place of the cube."""
    limits = panda.POSITION_LIMITS
    units = ["rad"] * 7 + ["m"]
    joints = {
        "name": "joint_position", "topic": "/joint_states", "message_type": "sensor_msgs/msg/JointState",
        "field": "position", "axes": list(panda.JOINT_NAMES), "unit": units, "max_age_s": 0.1,
        "minimum": (limits[:, 0] - 0.02).tolist(), "maximum": (limits[:, 1] + 0.02).tolist(),
    }  # fmt: skip
    poses = [
        {
            "name": f"{name}_pose", "topic": f"/objects/{name}/pose", "message_type": "geometry_msgs/msg/PoseStamped",
            "field": "pose", "axes": list(POSE_AXES), "unit": ["m"] * 3 + ["1"] * 4, "frame_id": panda.BASE_BODY,
            "minimum": [-1.2] * 3 + [-1.001] * 4, "maximum": [1.5] * 3 + [1.001] * 4, "max_age_s": 0.15,
        }
        for name in ("goal", "sphere")
    ]  # fmt: skip
    step = 1.0 / RATE_HZ
    observations = [
        ObservationFeature.model_validate({"name": name, "terms": terms, "history": 1, "history_step_s": step})
        for name, terms in ((STATE, [joints]), (ENVIRONMENT, poses))
    ]
    action = {
        "name": "joint_targets", "joints": list(panda.JOINT_NAMES), "mode": "position", "unit": units,
        "offset": [0.0] * 8, "stiffness": [0.0] * 8, "damping": [0.0] * 8,
        "minimum": limits[:, 0].tolist(), "maximum": limits[:, 1].tolist(),
    }  # fmt: skip
    actions = ActionSpec.model_validate(
        {
            "terms": [action],
            "command_topic": "/forward_position_controller/commands",
            "command_type": "std_msgs/msg/Float64MultiArray",
            "horizon": task.steps,
            "execution_horizon": EXECUTION_HORIZON,
            "step_s": task.period_s,
        }
    )
    timing = Timing(control_rate_hz=RATE_HZ, inference_budget_s=0.05)
    return observations, actions, timing, reach_avoid_safety(task.steps, task.period_s)


def export_bundle(policy: PredictivePolicy, config: NpcConfig, output: Path, *, samples: int = 64) -> Bundle:
    """Export, prove parity on states of the task, write.

    Raises:
        BundleError: the graph's answers differ from PyTorch's.
    """
    task = policy.task
    assert isinstance(task, PandaReachAvoid)
    observations, actions, timing, safety = contract(task)
    module = JointTargets(policy).eval()
    metadata = contract_pairs(observations, actions, timing.control_rate_hz)
    graph = export_graph(module, observations, actions, metadata, noise_rows=0)
    inputs = _inputs(task, samples)
    outputs = reference_outputs(module, inputs)
    errors = graph_errors(graph, inputs, outputs)
    tolerance = TOLERANCE * max(1.0, float(np.abs(outputs[EMBEDDING]).max()))
    require_parity(errors, tolerance, "the graph differs from PyTorch", "use the versions of constraints.txt.")
    info = PolicyInfo(
        family="stl_npc",
        sampler="deterministic",
        sampling_steps=1,
        parameters=sum(p.numel() for p in policy.parameters()),
        **graph_tensors(observations, actions, 0, outputs[EMBEDDING].shape[1]),
    )
    fields = {
        "name": output.name.removesuffix(".keel"),
        "robot": "franka_emika_panda",
        "task": "panda_reach_avoid",
        "observations": observations,
        "actions": actions,
        "timing": timing,
        "policy": info,
        "parity": {"samples": samples, "tolerance": tolerance, "max_abs_error": errors},
        "provenance": origin(
            asdict(config),
            hashlib.sha256(policy.mean.numpy().tobytes() + policy.std.numpy().tobytes()).hexdigest(),
            seed=config.seed,
            training_steps=config.iterations,
        ),
    }
    return write_bundle(output, fields, bundle_files(graph, inputs, outputs, safety))


def _inputs(task: PandaReachAvoid, samples: int) -> dict[str, np.ndarray]:
    state = task.sample(samples, torch.Generator().manual_seed(1)).numpy()
    upright = np.tile(np.array([0, 0, 0, 1], np.float32), (samples, 1))
    finger = np.full((samples, 1), panda.FINGER_RANGE[1], np.float32)
    environment = np.concatenate([state[:, 7:10], upright, state[:, 10:13], upright], 1)
    return {
        STATE: np.concatenate([state[:, :7], finger], 1)[:, None].astype(np.float32),
        ENVIRONMENT: environment[:, None].astype(np.float32),
    }
