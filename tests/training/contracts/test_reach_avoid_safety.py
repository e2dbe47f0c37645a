"""The predictive backup behind the reach-avoid policy, in the governor, on a robot that follows perfectly."""

from pathlib import Path

import numpy as np
import pytest
import torch

from policy_nodes.bundle.load import load_bundle
from policy_nodes.safety.config import load_safety_config
from policy_nodes.safety.governor import Governor
from policy_nodes.safety.reasons import Reason
from policy_nodes.safety.supervisor import State
from policy_nodes.types import ActionChunk, JointSample
from training.contracts.reach_avoid_safety import reach_avoid_safety
from training.stl_npc.panda import PandaReachAvoid

BUNDLE = Path(__file__).parents[3] / "examples" / "panda_reach_avoid.keel"
PERIOD_NS = 20_000_000
UPRIGHT = [0.0, 0.0, 0.0, 1.0]


class Cell:
    """Governor and robot at 50 Hz; chunks go straight towards a target as long as ``speaks``."""

    def __init__(self, state: np.ndarray) -> None:
        self.bundle = load_bundle(BUNDLE)
        manifest = self.bundle.manifest
        settings = load_safety_config(self.bundle.file("safety.yaml"))
        self.governor = Governor(settings, manifest.actions.joints, manifest.terms, 0.02, 0.3, monitor_required=False)
        self.now, self.ticks, self.speaks = 10**9, 0, True
        self.joints = np.append(state[:7], 0.04)
        self.goal, self.sphere = state[7:10], state[10:13]
        self.target = self.joints.copy()
        self.trace = [self.joints]

    def tick(self, times: int = 1) -> State:
        for _ in range(times):
            self.now += PERIOD_NS
            self.governor.on_joint_state(self.now, JointSample(self.now, self.joints, np.zeros(8)))
            self.governor.on_observation(self.now, "joint_position", self.now, self.joints)
            for name, place in (("goal_pose", self.goal), ("sphere_pose", self.sphere)):
                self.governor.on_observation(self.now, name, self.now, np.array([*place, *UPRIGHT]))
            if self.speaks and self.ticks % 15 == 0:
                way = np.clip(self.target - self.joints, -0.3, 0.3)
                values = self.joints + np.linspace(0.0, 1.0, 11)[1:, None] * way
                self.governor.on_chunk(self.now, ActionChunk(self.now, 100_000_000, values, self.ticks + 1))
            self.ticks += 1
            decision = self.governor.tick(self.now)
            if decision.command is not None:
                self.joints = decision.command
                self.trace.append(self.joints)
        return self.governor.state

    def enabled(self) -> "Cell":
        self.tick(8)
        done, message = self.governor.enable(self.now, True)
        assert done, message
        return self


@pytest.fixture(scope="module")
def states() -> np.ndarray:
    return PandaReachAvoid().sample(12, torch.Generator().manual_seed(7)).numpy().astype(np.float64)


def signals(cell: Cell) -> dict[str, np.ndarray]:
    scene = np.tile(np.concatenate([cell.goal, cell.sphere]), (len(cell.trace), 1))
    trace = np.concatenate([np.array(cell.trace)[:, :7], scene], axis=1)
    found = PandaReachAvoid().signals(torch.tensor(trace, dtype=torch.float32)[None])
    return {name: values[0].numpy() for name, values in found.items()}


def test_the_shipped_bundle_says_what_the_contract_says() -> None:
    assert load_safety_config(BUNDLE / "safety.yaml") == reach_avoid_safety(10, 0.1)


def test_where_the_policy_falls_silent_the_backup_finishes_the_task(states: np.ndarray) -> None:
    reached = 0
    for state in states:
        cell = Cell(state).enabled()
        cell.tick(5)
        cell.speaks = False
        used = set()
        for _ in range(700):
            cell.tick()
            used.add(cell.governor._used_backup)
            if cell.governor.state is State.STOPPED:
                break
        assert cell.governor.state is State.STOPPED
        assert cell.governor.reason is Reason.CHUNK_EXHAUSTED
        assert "stl_mpc" in used
        found = signals(cell)
        assert found["clear"].min() > -0.01  # the margin of 10 mm may be used
        assert found["inside"].min() > 0.0
        reached += found["reach"][-1] < 0.05
    assert reached >= 11


def test_a_policy_that_steers_into_the_sphere_is_stopped_before_it() -> None:
    home = PandaReachAvoid().home.numpy().astype(np.float64)
    turn = np.array([0.7, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    tool = PandaReachAvoid().tool
    goal, ball = (tool(torch.tensor(q, dtype=torch.float32)[None])[0][0].numpy() for q in (home - turn, home))
    cell = Cell(np.concatenate([home + turn, goal + np.array([0.0, 0.0, 0.05]), ball - np.array([0.0, 0.0, 0.05])]))
    cell.target = np.append(home - turn, 0.04)
    cell.enabled().tick(500)
    found = signals(cell)
    assert cell.governor.reason is Reason.NOT_RECOVERABLE
    assert cell.governor.state is State.STOPPED
    assert found["clear"].min() > -0.01
