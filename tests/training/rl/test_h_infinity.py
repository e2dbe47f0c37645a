"""The constraint, the advantages and the disturber of H-infinity training, on numbers by hand and on a point mass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rsl_rl.runners import OnPolicyRunner
from tensordict import TensorDict

from sim.tasks.velocity.tasks import go1_flat
from sim.vector import VectorEnv
from training.rl.config import PpoConfig, rsl_rl_config
from training.rl.disturbed_env import DisturbedEnv
from training.rl.h_infinity import Disturber, HInfinityConfig, HInfinityPPO, advantages, cut, dual_step


def test_dual_ascent_by_hand() -> None:
    multiplier = 0.0
    for _ in range(10):
        multiplier = dual_step(multiplier, -1.0, 1e-3, 10.0)
    assert multiplier == pytest.approx(0.01)
    for _ in range(20):
        multiplier = dual_step(multiplier, 1.0, 1e-3, 10.0)
        assert multiplier >= 0.0
    assert multiplier == 0.0
    assert dual_step(9.9, -1000.0, 1e-3, 10.0) == 10.0


def test_advantages_against_the_definition() -> None:
    rng = torch.Generator().manual_seed(0)
    costs, values = torch.rand((6, 3), generator=rng), torch.rand((6, 3), generator=rng)
    last, gamma, lam = torch.rand(3, generator=rng), 0.9, 0.8
    dones = torch.zeros(6, 3)
    dones[2, 1] = 1.0
    result = advantages(costs, values, last, dones, gamma, lam)
    for world in range(3):
        for start in range(6):
            expected, weight = 0.0, 1.0
            for t in range(start, 6):
                following = last[world] if t == 5 else values[t + 1, world]
                alive = 1.0 - float(dones[t, world])
                expected += weight * float(costs[t, world] + gamma * alive * following - values[t, world])
                if not alive:
                    break
                weight *= gamma * lam
            assert float(result[start, world]) == pytest.approx(expected, abs=1e-5)


def test_forces_are_shortened_and_keep_their_direction() -> None:
    forces = cut(torch.tensor([[3.0, 4.0, 0.0], [0.3, 0.4, 0.0], [0.0, 0.0, 0.0]]), 1.0)
    np.testing.assert_allclose(forces, [[0.6, 0.8, 0.0], [0.3, 0.4, 0.0], [0.0, 0.0, 0.0]], atol=1e-6)
    disturber = Disturber(4, HInfinityConfig(max_force=50.0))
    assert disturber.force(torch.full((2, 3), 100.0)).norm(dim=-1).tolist() == pytest.approx([50.0, 50.0])


class PointMass:
    """N masses on a line that the actor should hold at zero; the first component of the force pushes them."""

    num_envs, num_actions, max_episode_length, device, cfg = 64, 1, 50, torch.device("cpu"), {}

    def __init__(self) -> None:
        self.episode_length_buf = torch.zeros(self.num_envs, dtype=torch.long)
        self.state = 0.2 * torch.randn(self.num_envs, 2)

    def get_observations(self) -> TensorDict:
        return TensorDict({"policy": self.state.clone()}, batch_size=[self.num_envs])

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        assert actions.shape == (self.num_envs, 4)
        x, v = self.state.T
        v = 0.9 * v + 0.1 * (actions[:, 0] - x) + 0.1 * actions[:, 1]
        self.state = torch.stack([x + 0.1 * v, v], dim=1)
        cost = self.state[:, 0].square()
        self.episode_length_buf += 1
        done = self.episode_length_buf >= self.max_episode_length
        self.state[done] = 0.2 * torch.randn(int(done.sum()), 2)
        self.episode_length_buf[done] = 0
        return self.get_observations(), 1.0 - cost, done.long(), {"time_outs": done, "cost": cost}


def _runner(env: Any, directory: Path | None, ppo: PpoConfig, **settings: Any) -> OnPolicyRunner:
    config = rsl_rl_config(ppo, seed=0, symmetry=False)
    config["obs_groups"] = {"actor": ["policy"], "critic": ["policy"]}
    config["algorithm"] |= {"class_name": "training.rl.h_infinity:HInfinityPPO", "h_infinity": settings}
    return OnPolicyRunner(env, config, log_dir=None if directory is None else str(directory), device="cpu")


SMALL = PpoConfig(steps=25, epochs=4, mini_batches=4, hidden=(16,), init_std=0.1, entropy=0.0)


def _learn(runner: OnPolicyRunner, iterations: int) -> list[dict[str, float]]:
    """The losses of every iteration."""
    seen: list[dict[str, float]] = []
    update = runner.alg.update

    def record() -> dict[str, float]:
        seen.append(update())
        return seen[-1]

    runner.alg.update = record
    runner.learn(iterations)
    return seen


def test_a_disturber_against_a_frozen_policy_finds_the_worst_direction() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    runner = _runner(PointMass(), None, SMALL, eta=0.0, max_force=1.0, train_actor=False, learning_rate=3e-3)
    before = {key: value.clone() for key, value in runner.alg.actor.state_dict().items()}
    losses = _learn(runner, 30)
    assert losses[-1]["h_cost"] > 3.0 * losses[0]["h_cost"]
    for key, value in runner.alg.actor.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    # Pushing along the motion pumps the oscillator: the force depends on the state.
    moving = torch.tensor([[0.0, 0.3], [0.0, -0.3]])
    pushed = runner.alg.disturber.force(runner.alg.disturber.mean(moving))[:, 0]
    assert pushed[0] > pushed[1]


def test_a_violated_constraint_raises_the_multiplier_and_costly_force_is_not_used() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    violated = _learn(_runner(PointMass(), None, SMALL, eta=0.0, max_force=1.0, multiplier_rate=1.0), 3)
    assert violated[-1]["h_multiplier"] > violated[0]["h_multiplier"] > 0.0
    kept = _learn(_runner(PointMass(), None, SMALL, eta=10.0, max_force=1.0, learning_rate=3e-3), 25)
    assert kept[-1]["h_multiplier"] == 0.0
    assert kept[-1]["h_force"] < 0.8 * kept[0]["h_force"]


def test_warm_up_pushes_nobody(tmp_path: Path) -> None:
    losses = _learn(_runner(PointMass(), None, SMALL, warm_up=2), 3)
    assert [entry["h_force"] > 0.0 for entry in losses] == [False, False, True]


def test_checkpoints_keep_disturber_and_multiplier() -> None:
    runner = _runner(PointMass(), None, SMALL)
    runner.alg.multiplier, runner.alg.iteration = 0.7, 5
    saved = runner.alg.save()
    other = _runner(PointMass(), None, SMALL)
    assert isinstance(other.alg, HInfinityPPO)
    other.alg.load(saved, None, True)
    assert (other.alg.multiplier, other.alg.iteration) == (0.7, 5)
    torch.testing.assert_close(other.alg.disturber.state_dict(), runner.alg.disturber.state_dict())


def test_forces_reach_the_trunk_and_falls_are_the_highest_cost() -> None:
    task = go1_flat(randomization=None, external_forces=True, pushes=None, noise=None)
    env = DisturbedEnv(VectorEnv(task, 2, seed=0, num_threads=0))
    base = task.model.body("trunk").id
    actions = torch.zeros(2, 15)
    actions[0, 12] = 40.0
    for _ in range(5):
        _, _, _, extras = env.step(actions)
    force = env.env.context.xfrc[:, base]
    assert np.linalg.norm(force[0, :3]) == pytest.approx(40.0, rel=1e-5)
    assert not force[1].any()
    assert ((extras["cost"] >= 0.0) & (extras["cost"] <= env.best)).all()
    env.env.context.qpos[1, 3:7] = (0.0, 1.0, 0.0, 0.0)
    *_, extras = env.step(torch.zeros(2, 12))
    assert extras["cost"][1] == pytest.approx(env.best / 0.01)
    env.close()
    with pytest.raises(ValueError, match="external_forces"):
        DisturbedEnv(VectorEnv(go1_flat(randomization=None), 1, num_threads=0))


def test_the_walking_task_trains_with_a_disturber() -> None:
    torch.set_num_threads(1)
    task = go1_flat(randomization=None, external_forces=True)
    env = DisturbedEnv(VectorEnv(task, 8, seed=0, num_threads=0))
    config = rsl_rl_config(PpoConfig(num_envs=8, steps=4, epochs=1, mini_batches=2, hidden=(8,)), 0, symmetry=True)
    config["algorithm"] |= {"class_name": "training.rl.h_infinity:HInfinityPPO", "h_infinity": {}}
    runner = OnPolicyRunner(env, config, log_dir=None, device="cpu")
    losses = _learn(runner, 2)
    assert all(np.isfinite(list(entry.values())).all() for entry in losses)
    assert losses[-1]["h_force"] > 0.0
    env.close()
