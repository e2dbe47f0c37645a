"""Contract of the wiping task: the tool's height and the felt force in, heights out; plans live for 24 steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from policy_nodes.bundle.manifest import ObservationFeature, Timing
from training.contracts.force import force_term
from training.contracts.planar import axis_actions, axis_limits, axis_position, axis_safety
from training.contracts.task import TaskContract
from training.suites.wiping.encoder import WipingEncoder
from training.suites.wiping.expert import WipingExpert
from training.suites.wiping.world import FRAME, RATE_HZ, STROKE_S, TOOL, WipingWorld

REACH_M, MARGIN_M, SPEED = 0.08, 0.01, 1.0
HORIZON, EXECUTION_HORIZON = 24, 16
FORCE_RANGE_N = 200.0
MAX_AGE_S = 0.1


class ToolPosition(nn.Module):
    """Positions of the tool in a chunk of heights: (N, H, 1) -> (N, H, 3) in m."""

    def forward(self, chunk: Tensor) -> Tensor:
        """The command is the height."""
        return torch.cat([torch.zeros_like(chunk), torch.zeros_like(chunk), chunk], dim=-1)


def make() -> TaskContract:
    """Build the contract."""
    dt = 1.0 / RATE_HZ
    features = {
        WipingEncoder.STATE: axis_position([TOOL], -REACH_M, REACH_M, MAX_AGE_S),
        WipingEncoder.FORCE: force_term("tool_force", FRAME, FORCE_RANGE_N, MAX_AGE_S),
    }
    return TaskContract(
        name="wiping",
        robot="wiping_tool",
        instruction="Wipe the surface with a force of 5 N.",
        observations=[
            ObservationFeature(name=name, terms=[term], history=2, history_step_s=dt) for name, term in features.items()
        ],
        actions=axis_actions(
            "tool", [TOOL], -REACH_M, REACH_M, dt, horizon=HORIZON, execution_horizon=EXECUTION_HORIZON
        ),
        timing=Timing(control_rate_hz=RATE_HZ, inference_budget_s=0.04),
        relative=[True],
        safety=axis_safety(axis_limits([TOOL], -REACH_M, REACH_M, SPEED, dt), MAX_AGE_S, MARGIN_M),
        make_encoder=WipingEncoder,
        make_position=ToolPosition,
        simulator="training.suites.live:wiping",
        make_world=WipingWorld,
        make_expert=WipingExpert,
        episode_s=STROKE_S + 0.5,
        demonstration_s=STROKE_S + 0.5,
        settle_s=0.0,
    )
