"""Mirrors of PPO's batches and the settings that rsl_rl is given."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tensordict import TensorDict

from sim.tasks.velocity.mirror import axial, concatenate, planar_command, polar
from training.rl.config import PpoConfig, rsl_rl_config
from training.rl.h_infinity import advantages, cut, dual_step
from training.rl.learning_curve import smooth
from training.rl.symmetry import augment

GROUPS = {"policy": concatenate(polar(), axial(), planar_command()), "critic": concatenate(axial(), polar())}
ENV = SimpleNamespace(env=SimpleNamespace(task=SimpleNamespace(mirrors=lambda: (GROUPS, polar()))))


def batch(rows=4):
    generator = torch.Generator().manual_seed(0)
    obs = TensorDict(
        {"policy": torch.randn(rows, 9, generator=generator), "critic": torch.randn(rows, 6, generator=generator)},
        [rows],
    )
    return obs, torch.randn(rows, 3, generator=generator)


def test_the_first_half_is_the_batch_and_the_second_its_image_by_hand():
    obs, actions = batch()
    found, moved = augment(ENV, obs, actions)
    assert found.batch_size == (8,)
    assert torch.equal(found["policy"][:4], obs["policy"]) and torch.equal(moved[:4], actions)
    signs = torch.tensor([1, -1, 1, -1, 1, -1, 1, -1, -1.0])
    torch.testing.assert_close(found["policy"][4:], obs["policy"] * signs)
    torch.testing.assert_close(found["critic"][4:], obs["critic"] * torch.tensor([-1, 1, -1, 1, -1, 1.0]))
    torch.testing.assert_close(moved[4:], actions * torch.tensor([1, -1, 1.0]))


def test_the_image_of_the_image_is_the_batch():
    obs, actions = batch()
    once, moved = augment(ENV, obs, actions)
    image = TensorDict({key: once[key][4:] for key in ("policy", "critic")}, [4])
    twice, back = augment(ENV, image, moved[4:])
    for key in ("policy", "critic"):
        assert torch.equal(twice[key][4:], obs[key])
    assert torch.equal(back[4:], actions)


def test_either_part_may_be_missing():
    obs, actions = batch()
    assert augment(ENV, None, None) == (None, None)
    assert augment(ENV, obs, None)[1] is None and augment(ENV, None, actions)[0] is None
    assert augment(ENV, None, actions)[1].shape == (8, 3)


@pytest.mark.parametrize(
    ("known", "wanted", "mirrored"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_samples_are_mirrored_where_the_task_can_and_the_user_wants(known, wanted, mirrored):
    found = rsl_rl_config(PpoConfig(symmetry=wanted), 3, known)
    assert (found["algorithm"]["symmetry_cfg"] is not None) is mirrored
    assert found["seed"] == 3


def test_every_setting_arrives_where_rsl_rl_reads_it():
    config = PpoConfig(
        num_envs=7, steps=5, epochs=3, mini_batches=2, learning_rate=2e-4, desired_kl=0.02, entropy=0.1, clip=0.3,
        gamma=0.9, lam=0.8, max_grad_norm=0.5, hidden=(4, 6), activation="relu", init_std=0.3, save_every=9,
    )  # fmt: skip
    found = rsl_rl_config(config, 0, False, critic="privileged")
    algorithm = found["algorithm"]
    assert (found["num_steps_per_env"], found["save_interval"]) == (5, 9)
    assert found["obs_groups"] == {"actor": ["policy"], "critic": ["privileged"]}
    assert found["actor"]["hidden_dims"] == found["critic"]["hidden_dims"] == [4, 6]
    assert found["actor"]["distribution_cfg"]["init_std"] == 0.3 and "distribution_cfg" not in found["critic"]
    expected = {
        "num_learning_epochs": 3, "num_mini_batches": 2, "learning_rate": 2e-4, "desired_kl": 0.02,
        "entropy_coef": 0.1, "clip_param": 0.3, "gamma": 0.9, "lam": 0.8, "max_grad_norm": 0.5,
    }  # fmt: skip
    assert {key: algorithm[key] for key in expected} == expected


def test_actor_and_critic_do_not_share_one_dictionary():
    found = rsl_rl_config(PpoConfig(), 0, True)
    found["actor"]["hidden_dims"].append(1)
    found["actor"]["activation"] = "x"
    assert found["critic"]["activation"] == "elu"


def test_advantages_of_exact_values_are_zero_and_of_zero_values_are_returns():
    """lambda 1 and no values: the discounted sum of what follows, up to the end of the episode."""
    costs = torch.tensor([[1.0], [2.0], [4.0], [8.0]])
    dones = torch.tensor([[0.0], [1.0], [0.0], [0.0]])
    zero, last = torch.zeros_like(costs), torch.tensor([16.0])
    returns = advantages(costs, zero, last, dones, 0.5, 1.0)
    # after the end at the second step nothing of the third counts; the last one adds 0.5 * 16
    assert returns.flatten().tolist() == [2.0, 2.0, 4.0 + 0.5 * 16.0, 16.0]
    assert torch.equal(advantages(costs, returns, last, dones, 0.5, 1.0), zero)
    assert torch.equal(advantages(costs, returns, last, dones, 0.5, 0.3), zero)  # exact values: any lambda


def test_the_multiplier_follows_the_violation_and_stays_in_its_range():
    assert dual_step(0.5, -0.1, 2.0, 1.0) == pytest.approx(0.7)
    assert (dual_step(0.5, 0.3, 2.0, 1.0), dual_step(0.5, -9.0, 2.0, 1.0)) == (0.0, 1.0)


def test_cut_forces_keep_their_direction_and_gradient():
    force = torch.tensor([[30.0, 40.0, 0.0], [3.0, 4.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    short = cut(force, 25.0)
    torch.testing.assert_close(short, torch.tensor([[15.0, 20.0, 0.0], [3.0, 4.0, 0.0], [0.0, 0.0, 0.0]]))
    short.sum().backward()
    assert bool(torch.isfinite(force.grad).all())


@pytest.mark.parametrize("count", [1, 3, 11, 40])
def test_a_running_mean_keeps_length_constants_and_mean_slope(count):
    np.testing.assert_allclose(smooth(np.full(count, 3.0)), 3.0)
    line = smooth(np.arange(count, dtype=float))
    assert len(line) == count
    if count == 40:
        np.testing.assert_allclose(line[5:-5], np.arange(5, 35))  # a line is its own mean, but at the ends
