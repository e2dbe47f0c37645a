"""Every v5 task stepped beside gymnasium.make: the same states, observations, rewards and terminations."""

import gymnasium
import mujoco
import numpy as np
import pytest

from sim.vector import make

TASKS = ["Ant", "HalfCheetah", "Hopper", "Humanoid", "Walker2d"]
N = 3


def synchronise(peers, env, ids):
    """Starts the Gymnasium environments at the states of our freshly reset worlds."""
    for i in ids:
        peer = peers[i].unwrapped
        mujoco.mj_resetData(peer.model, peer.data)
        peer.set_state(env.engine.qpos[i].copy(), env.engine.qvel[i].copy())


@pytest.mark.parametrize(
    ("name", "exact", "resync"),
    [*((name, True, 1000) for name in TASKS), *((name, False, 5) for name in ("HalfCheetah", "Hopper", "Walker2d"))],
)
def test_steps_equal_gymnasium(name, exact, resync):
    """One MjData per world follows Gymnasium for ever; the pool, whose solver warm start is an estimate, is compared
    over ``resync`` control steps at a time, because contacts amplify the solver tolerance."""
    peers = [gymnasium.make(f"{name}-v5") for _ in range(N)]
    env = make(name, N, seed=1, max_episode_steps=40, exact=exact)
    state_tolerance = 1e-12 if exact else 1e-5
    reward_tolerance = 1e-6 if exact else 1e-3
    for peer in peers:
        peer.reset(seed=0)
    obs, _ = env.reset()
    synchronise(peers, env, range(N))
    for i, peer in enumerate(peers):
        np.testing.assert_allclose(obs["policy"][i], peer.unwrapped._get_obs(), rtol=1e-6, atol=1e-6)
    rng = np.random.default_rng(2)
    endings = {"terminated": 0, "truncated": 0}
    scale = 2.0 if name == "Hopper" else 1.0  # the hopper must fall within the test
    for step in range(1, 101):
        actions = scale * rng.uniform(env.task.action_low, env.task.action_high, (N, env.num_actions))
        actions = actions.astype(np.float32)
        obs, reward, terminated, truncated, extras = env.step(actions)
        for i, peer in enumerate(peers):
            expected, expected_reward, expected_end, _, _ = peer.unwrapped.step(actions[i])
            assert expected_end == terminated[i]
            np.testing.assert_allclose(reward[i], expected_reward, rtol=1e-6, atol=reward_tolerance)
            if terminated[i] or truncated[i]:
                row = list(extras["final_ids"]).index(i)
                ours = extras["final_observation"]["policy"][row]
            else:
                ours = obs["policy"][i]
                np.testing.assert_allclose(env.engine.qpos[i], peer.unwrapped.data.qpos, atol=state_tolerance)
            np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6 if exact else 1e-3)
        endings["terminated"] += int(terminated.sum())
        endings["truncated"] += int(truncated.sum())
        done = np.flatnonzero(terminated | truncated)
        synchronise(peers, env, done if step % resync else range(N))
        for i in done:
            np.testing.assert_allclose(obs["policy"][i], peers[i].unwrapped._get_obs(), rtol=1e-6, atol=1e-6)
    assert endings["truncated"] > 0 or name in ("Humanoid", "Hopper", "Walker2d")
    assert endings["terminated"] > 0 or name in ("HalfCheetah", "Ant")
    env.close()


@pytest.mark.parametrize("name", TASKS)
def test_spaces_and_times_equal_gymnasium(name):
    peer = gymnasium.make(f"{name}-v5")
    env = make(name, 1)
    assert env.single_observation_space["policy"].shape == peer.observation_space.shape
    assert env.single_action_space == peer.action_space
    assert env.step_dt == pytest.approx(peer.unwrapped.dt)
    assert env.max_episode_length == peer.spec.max_episode_steps
    env.close()


@pytest.mark.parametrize("name", TASKS)
def test_initial_states_have_gymnasiums_distribution(name):
    env = make(name, 200, seed=0)
    env.reset()
    peer = gymnasium.make(f"{name}-v5").unwrapped
    states = []
    for seed in range(200):
        peer.reset(seed=seed)
        states.append(np.concatenate([peer.data.qpos, peer.data.qvel]))
    ours, theirs = np.concatenate([env.engine.qpos, env.engine.qvel], axis=1), np.array(states)
    deviation = theirs.std(axis=0)
    np.testing.assert_allclose(ours.std(axis=0), deviation, rtol=0.3)
    assert np.all(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 0.5 * deviation + 1e-12)
    env.close()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Ant", {"include_cfrc_ext_in_observation": False, "contact_cost_weight": 0.0}),
        ("Ant", {"exclude_current_positions_from_observation": False, "healthy_z_range": (0.5, 0.6)}),
        ("HalfCheetah", {"forward_reward_weight": 2.0, "exclude_current_positions_from_observation": False}),
        ("Hopper", {"terminate_when_unhealthy": False, "healthy_reward": 0.5}),
        ("Humanoid", {"include_cinert_in_observation": False, "include_cfrc_ext_in_observation": False}),
        ("Humanoid", {"contact_cost_weight": 1e-3, "contact_cost_range": (0.0, 0.5)}),
    ],
)
def test_options_mean_what_they_mean_in_gymnasium(name, options):
    peer = gymnasium.make(f"{name}-v5", **options)
    env = make(name, 1, seed=3, **options)
    peer.reset(seed=0)
    env.reset()
    synchronise([peer], env, [0])
    rng = np.random.default_rng(4)
    for _ in range(15):
        action = rng.uniform(-0.4, 0.4, env.num_actions).astype(np.float32)
        obs, reward, terminated, _, extras = env.step(action[None])
        expected, expected_reward, expected_end, _, _ = peer.unwrapped.step(action)
        ours = extras["final_observation"]["policy"][0] if terminated[0] else obs["policy"][0]
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
        assert reward[0] == pytest.approx(expected_reward, rel=1e-5, abs=1e-5)
        assert terminated[0] == expected_end
        if terminated[0]:
            break
    env.close()
