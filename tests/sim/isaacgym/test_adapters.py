import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from sim.isaacgym import INTERFACES, wrap
from sim.isaacgym.adapters.reverse import ReverseEnv, kind_of
from sim.isaacgym.adapters.views import as_numpy_actions, terminal_rows
from sim.isaacgym.errors import InterfaceError
from tests.sim.isaacgym.toy import LateVecTask, toy_env

ZERO = torch.zeros(4, 1)


def test_every_interface_is_made_by_name_and_an_unknown_one_is_named():
    for name in INTERFACES:
        adapter = wrap(toy_env(), name)
        assert adapter.env is not None
        adapter.close()
    with pytest.raises(InterfaceError, match=r"'isaac'.*vectask"):
        wrap(toy_env(), "isaac")


def test_an_environment_without_policy_observations_is_refused():
    env = toy_env()
    env.observation_groups = {"pixels": 3}
    with pytest.raises(InterfaceError, match="pixels"):
        wrap(env, "vectask")


class TestVecTask:
    def test_starts_with_every_world_flagged_and_reset_simulates_nothing(self):
        core = toy_env()
        task = wrap(core, "vectask")
        assert task.reset_buf.dtype == torch.long and task.reset_buf.tolist() == [1] * 4
        before = core.engine.time.copy()
        torch.testing.assert_close(task.reset()["obs"], task.obs_buf)
        assert (core.engine.time == before).all() and core.common_step_counter == 0

    def test_obs_and_progress_buffers_share_memory_and_dictionaries_do_not(self):
        core = toy_env()
        task = wrap(core, "vectask")
        obs, *_ = task.step(ZERO)
        assert task.progress_buf.data_ptr() == core.episode_length_buf.ctypes.data
        assert obs["obs"].data_ptr() != task.obs_buf.data_ptr()
        kept = obs["obs"].clone()
        for _ in range(3):
            task.step(torch.ones(4, 1))
        torch.testing.assert_close(obs["obs"], kept)
        assert task.progress_buf.tolist() == [4] * 4

    def test_time_out_is_reported_with_the_reset_and_random_counter_grows(self):
        task = wrap(toy_env(max_episode_length=3), "vectask")
        flags = [(task.step(ZERO)[2].tolist()[0], task.extras["time_outs"].tolist()[0]) for _ in range(4)]
        assert flags == [(0, 0), (0, 0), (1, 1), (0, 0)]
        assert task.randomize_buf.tolist() == [4] * 4 and task.progress_buf.tolist() == [1] * 4
        assert task.resets_in_step

    def test_a_fall_is_a_reset_and_no_time_out(self):
        task = wrap(toy_env(max_episode_length=100, force=400.0), "vectask")
        for _ in range(20):
            _, _, done, extras = task.step(torch.tensor([[1.0], [0.0], [0.0], [0.0]]))
            if done.any():
                break
        assert done.tolist() == [1, 0, 0, 0] and extras["time_outs"].tolist() == [0] * 4
        assert "Episode_Length/steps" in extras["episode"]

    def test_observations_and_actions_are_clipped(self):
        task = wrap(toy_env(), "vectask", clip_observations=0.01, clip_actions=0.5)
        obs, *_ = task.step(torch.full((4, 1), 3.0))
        assert obs["obs"].abs().max() <= 0.01 + 1e-7
        torch.testing.assert_close(task.obs_buf[:, 2], torch.full((4,), 0.5))

    def test_partial_reset_touches_the_named_worlds_only(self):
        core = toy_env()
        task = wrap(core, "vectask")
        task.step(torch.ones(4, 1))
        state = core.engine.state.copy()
        task.reset_idx(torch.tensor([2]))
        assert task.progress_buf.tolist() == [1, 1, 0, 1]
        changed = (core.engine.state != state).any(axis=1)
        assert changed.tolist() == [False, False, True, False]

    def test_reset_done_resets_all_before_the_first_step_and_names_them(self):
        task = wrap(toy_env(max_episode_length=1), "vectask")
        _, ids = task.reset_done()
        assert ids.tolist() == [0, 1, 2, 3] and not task.reset_buf.any()
        task.step(ZERO)
        assert task.reset_done()[1].tolist() == [0, 1, 2, 3]

    def test_training_state_survives_a_checkpoint(self):
        task = wrap(toy_env(), "vectask")
        task.step(ZERO)
        other = wrap(toy_env(), "vectask")
        other.set_env_state(task.get_env_state())
        other.set_env_state(None)
        assert other.env.common_step_counter == 1
        task.set_train_info(640)
        assert task.total_train_env_frames == 640

    def test_properties(self):
        task = wrap(toy_env(), "vectask")
        assert (task.num_envs, task.num_obs, task.num_states, task.num_actions, task.num_acts) == (4, 4, 1, 1, 1)
        assert task.action_space.low.tolist() == [-1.0] and task.state_space.shape == (1,)
        assert task.control_freq_inv == 2 and task.zero_actions().shape == (4, 1)
        assert task.reset()["states"].shape == (4, 1)


class TestLegged:
    def test_reset_steps_once_with_zero_actions(self):
        task = wrap(toy_env(), "legged")
        obs, privileged = task.reset()
        assert task.episode_length_buf.tolist() == [1] * 4
        torch.testing.assert_close(obs, task.get_observations())
        torch.testing.assert_close(privileged, task.get_privileged_observations())

    def test_five_tuple_and_the_episode_log_in_legged_gym_names(self):
        task = wrap(toy_env(max_episode_length=2), "legged")
        task.step(ZERO)
        _, _, reward, reset, extras = task.step(ZERO)
        assert reward.tolist() == [1.0] * 4 and reset.dtype == torch.long and reset.tolist() == [1] * 4
        assert extras["time_outs"].tolist() == [True] * 4
        assert "rew_alive" in extras["episode"]

    def test_without_a_critic_group_privileged_observations_are_none(self):
        core = toy_env()
        core.observation_groups = {"policy": 4}
        task = wrap(core, "legged")
        assert task.num_privileged_obs is None and task.get_privileged_observations() is None

    def test_assigned_episode_lengths_reach_the_environment(self):
        core = toy_env()
        for name in ("legged", "isaaclab", "rsl_rl"):
            adapter = wrap(core, name)
            adapter.episode_length_buf = torch.tensor([3, 1, 4, 1])
            assert core.episode_length_buf.tolist() == [3, 1, 4, 1]


class TestIsaacLab:
    def test_five_tuple_views_and_flags(self):
        core = toy_env(max_episode_length=2)
        env = wrap(core, "isaaclab")
        assert env.is_vector_env and env.unwrapped is env
        obs, _ = env.reset(seed=3)
        assert set(obs) == {"policy", "critic"}
        env.step(ZERO)
        obs, reward, terminated, truncated, extras = env.step(ZERO)
        assert truncated.tolist() == [True] * 4 and not terminated.any() and reward.shape == (4,)
        assert env.reset_time_outs.tolist() == [True] * 4 and env.reset_buf.data_ptr() == core.reset_buf.ctypes.data
        assert extras["final_observation"]["policy"].shape == (4, 4) and env.common_step_counter == 2

    def test_seed_reproduces(self):
        env = wrap(toy_env(), "isaaclab")
        env.seed(5)
        first = env.obs_buf["policy"].clone()
        env.seed(5)
        torch.testing.assert_close(env.obs_buf["policy"], first)


def test_rsl_rl_observation_is_still_valid_after_the_next_step():
    env = wrap(toy_env(), "rsl_rl")
    before, *_ = env.step(ZERO)
    kept = before.clone()
    after, _, dones, extras = env.step(torch.ones(4, 1))
    torch.testing.assert_close(before["policy"], kept["policy"])
    assert before["policy"].data_ptr() != after["policy"].data_ptr()
    assert dones.dtype == torch.long and extras["time_outs"].shape == (4,) and before.batch_size == torch.Size([4])


def test_rsl_rl_copy_owns_its_memory():
    env = wrap(toy_env(), "rsl_rl", copy=True)
    obs, *_ = env.step(ZERO)
    assert obs["policy"].data_ptr() not in [o[0]["policy"].ctypes.data for o in env.env._outputs]


class TestSb3:
    def test_terminal_observation_is_the_one_before_the_reset(self):
        core = toy_env(max_episode_length=2, force=50.0)
        env = wrap(core, "sb3")
        env.reset()
        env.step(np.ones((4, 1)))
        obs, _, done, infos = env.step(np.ones((4, 1)))
        assert done.all() and all(info["TimeLimit.truncated"] for info in infos)
        # The cart was pushed forward all along; after the reset it stands.
        assert all(info["terminal_observation"][1] > 0.5 for info in infos) and (obs[:, 1] == 0).all()

    def test_copies_and_delegation(self):
        env = wrap(toy_env(), "sb3")
        first = env.reset()
        kept = first.copy()
        for _ in range(3):
            env.step(np.ones((4, 1)))
        assert (first == kept).all()
        assert env.get_attr("num_actions", [0, 2]) == [1, 1]
        env.set_attr("name", "other")
        assert env.get_attr("name") == ["other"] * 4
        assert env.env_is_wrapped(object) == [False] * 4

    def test_seed(self):
        env = wrap(toy_env(), "sb3")
        env.seed(11)
        first = env.reset()
        env.seed(11)
        assert (env.reset() == first).all()


class TestGymnasium:
    def test_final_obs_has_a_mask(self):
        env = wrap(toy_env(max_episode_length=100, force=400.0), "gymnasium")
        assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
        obs, _ = env.reset(seed=1)
        assert env.observation_space.contains(obs)
        push = np.array([[1.0], [0.0], [0.0], [0.0]])
        for _ in range(20):
            obs, _, terminated, truncated, info = env.step(push)
            if terminated.any():
                break
        assert terminated.tolist() == [True, False, False, False] and not truncated.any()
        assert info["_final_obs"].tolist() == terminated.tolist() and info["final_obs"][1] is None
        assert abs(info["final_obs"][0][0]) > 1.0 > abs(obs[0, 0])

    def test_seed_list_uses_the_first(self):
        env = wrap(toy_env(), "gymnasium")
        assert (env.reset(seed=[7, 8, 9, 10])[0] == env.reset(seed=7)[0]).all()


class TestReverse:
    @pytest.mark.parametrize(("interface", "kind"), [("vectask", "vectask"), ("legged", "legged"), ("isaaclab",) * 2])
    def test_there_and_back_gives_the_same_numbers(self, interface, kind):
        direct = wrap(toy_env(max_episode_length=3), "gymnasium")
        inner = wrap(toy_env(max_episode_length=3), interface)
        back = ReverseEnv(inner)
        assert kind_of(inner) == kind and back.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
        if kind == "isaaclab":
            back.reset()
        direct.reset()
        if kind == "legged":
            direct.step(np.zeros((4, 1)))
        back.reset()
        if kind == "isaaclab":
            direct.reset()
        rng = np.random.default_rng(0)
        for _ in range(5):
            actions = rng.uniform(-1, 1, (4, 1)).astype(np.float32)
            ours, theirs = direct.step(actions), back.step(actions)
            assert (ours[2] == theirs[2]).all() and (ours[3] == theirs[3]).all()
            np.testing.assert_allclose(ours[1], theirs[1])
            np.testing.assert_allclose(ours[0][:, 2:], theirs[0][:, 2:])

    def test_isaac_gyms_own_convention_is_next_step(self):
        env = ReverseEnv(LateVecTask())
        assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
        env.reset()
        out = [env.step(np.full((2, 1), 0.5)) for _ in range(5)]
        assert [float(o[0][0, 0]) for o in out] == [0, 1, 2, 3, 0]
        assert out[3][2].tolist() == [False, True] and out[3][3].tolist() == [True, False]
        assert out[0][1].tolist() == [1.0, 1.0]

    def test_final_observation_is_handed_on(self):
        env = ReverseEnv(wrap(toy_env(max_episode_length=1), "isaaclab"))
        env.reset()
        *_, info = env.step(np.ones((4, 1)))
        assert info["_final_obs"].all() and info["final_obs"][2].shape == (4,)

    def test_a_stranger_is_refused(self):
        with pytest.raises(InterfaceError, match="list"):
            kind_of([])


def test_actions_on_the_cpu_are_not_copied_unless_clipped():
    actions = torch.tensor([[2.0]])
    assert as_numpy_actions(actions).ctypes.data == actions.data_ptr()
    assert as_numpy_actions(actions, 1.0).tolist() == [[1.0]]


def test_terminal_rows_accepts_compact_and_full_batches():
    done = np.array([False, True, True])
    full = np.arange(3.0)[:, None]
    for rows in (full, full[1:]):
        ids, values = terminal_rows({"final_observation": {"policy": rows}}, done, "policy")
        assert ids.tolist() == [1, 2] and values.tolist() == [[1.0], [2.0]]
    assert terminal_rows({}, done, "policy")[0].size == 0
