"""VectorEnv: order of events, resets, logs, buffers, bad input, diverging physics."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

from sim.vector import BatchedActionError, BatchSizeError, TaskDefaults, UnstableWorldWarning, VectorEnv
from tests.sim.vector.toy import ToyTask

N = 4


@pytest.fixture(params=[False, True], ids=["pool", "exact"])
def exact(request):
    return request.param


def make_env(exact=False, num_envs=N, tmp_path=None, **options):
    return VectorEnv(ToyTask(**options), num_envs, seed=0, exact=exact, dump_dir=tmp_path)


def zeros(n=N):
    return np.zeros((n, 1), np.float32)


def test_attributes_have_the_isaac_lab_shape(exact):
    env = make_env(exact)
    assert (env.num_envs, env.num_actions, env.device) == (N, 1, "cpu")
    assert env.physics_dt == pytest.approx(0.01)
    assert env.step_dt == pytest.approx(0.02)
    assert env.max_episode_length == 8
    assert env.max_episode_length_s == pytest.approx(0.16)
    assert env.observation_groups == {"policy": 4, "critic": 1}
    assert env.single_observation_space["policy"].shape == (4,)
    assert env.single_action_space.shape == (1,)
    obs, extras = env.reset(seed=3)
    assert obs["policy"].dtype == np.float32
    assert obs["policy"].flags.c_contiguous
    assert obs["policy"].shape == (N, 4)
    assert extras == {"log": {}}
    obs, reward, terminated, truncated, extras = env.step(zeros())
    assert (reward.dtype, terminated.dtype, truncated.dtype) == (np.float32, bool, bool)
    assert env.episode_length_buf.dtype == np.int64
    env.close()
    env.close()


def test_a_seed_repeats_the_whole_run(exact):
    runs = []
    for _ in range(2):
        env = make_env(exact)
        env.reset(seed=11)
        rng = np.random.default_rng(5)
        runs.append([env.step(rng.uniform(-1, 1, (N, 1)))[0]["policy"].copy() for _ in range(20)])
        env.close()
    assert np.array_equal(*runs)


def test_physics_equals_one_world_alone(exact):
    env = make_env(exact, max_episode_length=0)
    env.reset(seed=1)
    data = mujoco.MjData(env.engine.model)
    data.qpos[:] = env.engine.qpos[2]
    rng = np.random.default_rng(0)
    for _ in range(50):
        actions = rng.uniform(-1, 1, (N, 1)).astype(np.float32)
        obs = env.step(actions)[0]
        data.ctrl[:] = actions[2]
        mujoco.mj_step(env.engine.model, data, 2)
        assert env.engine.qpos[2, 0] == data.qpos[0]
        np.testing.assert_allclose(obs["policy"][2, :2], [data.qpos[0], data.qvel[0]], rtol=1e-6)
    env.close()


def test_time_limit_resets_inside_the_step_and_keeps_the_last_observation(exact):
    env = make_env(exact)
    env.reset(seed=2)
    for step in range(1, 9):
        obs, _, terminated, truncated, extras = env.step(np.full((N, 1), 0.3))
        assert truncated.all() == (step == 8)
        assert not terminated.any()
        assert ("final_observation" in extras) == (step == 8)
    assert np.array_equal(extras["time_outs"], truncated)
    assert extras["final_ids"].tolist() == [0, 1, 2, 3]
    assert (extras["final_observation"]["policy"][:, 1] > 0.01).all()  # the cart was moving
    assert (obs["policy"][:, 1:] == 0).all()  # new episode: at rest, no past actions
    assert env.episode_length_buf.tolist() == [0] * N
    assert env.context.memory["episodes"].tolist() == [2] * N
    assert extras["log"]["Episode_Termination/time_out"] == 1.0
    assert extras["log"]["Episode_Reward/alive"] == pytest.approx(8 / (8 * 0.02))
    assert extras["log"]["Episode_Length/steps"] == 8
    assert "last_x" in extras["log"]
    env.close()


def test_a_failed_world_is_reset_alone(exact):
    env = make_env(exact, max_episode_length=0)
    env.reset(seed=2)
    env.engine.qpos[1, 0] = 1.5
    env.engine.commit_rows(np.array([1]))
    obs, reward, terminated, truncated, extras = env.step(zeros())
    assert terminated.tolist() == [False, True, False, False]
    assert not truncated.any()
    assert reward.tolist() == [1, -4, 1, 1]
    assert extras["final_observation"]["policy"][0, 0] == pytest.approx(1.5)
    assert abs(obs["policy"][1, 0]) < 0.1
    assert env.context.memory["updates"].tolist() == [1, 0, 1, 1]
    assert env.reset_terminated.tolist() == terminated.tolist()
    assert env.reset_buf.tolist() == terminated.tolist()
    env.close()


def test_observations_after_a_reset_are_those_of_a_fresh_world(exact):
    env = make_env(exact, max_episode_length=3)
    env.reset(seed=4)
    for _ in range(3):
        obs = env.step(np.ones((N, 1)))[0]
    for i in range(N):
        data = mujoco.MjData(env.engine.model)
        data.qpos[:] = env.engine.qpos[i]
        mujoco.mj_forward(env.engine.model, data)
        assert obs["critic"][i, 0] == np.float32(data.sensordata[0])
    env.close()


def test_two_past_actions_are_kept_and_cleared(exact):
    env = make_env(exact, max_episode_length=4)
    env.reset(seed=0)
    for value in (0.1, 0.2, 0.3):
        env.step(np.full((N, 1), value))
    c = env.context
    np.testing.assert_allclose([c.actions[0, 0], c.previous_actions[0, 0], c.previous_actions_2[0, 0]], [0.3, 0.2, 0.1])
    env.step(zeros())
    assert not (c.actions.any() or c.previous_actions.any() or c.previous_actions_2.any())
    env.close()


def test_a_push_reaches_the_physics_of_its_world_only(exact):
    env = make_env(exact, push_world=2, max_episode_length=0)
    env.reset(seed=0)
    obs = env.step(zeros())[0]
    assert obs["policy"][:, 1].tolist() == [0, 0, 0.25, 0]
    x = env.engine.qpos[:, 0].copy()
    env.step(zeros())
    moved = env.engine.qpos[:, 0] - x
    assert moved[2] == pytest.approx(0.25 * 0.02, rel=1e-2)
    assert not moved[[0, 1, 3]].any()
    env.close()


def test_what_a_step_returned_stays_valid_during_the_next_step(exact):
    env = make_env(exact)
    env.reset(seed=0)
    first = env.step(np.full((N, 1), 0.5))[0]["policy"]
    before = first.copy()
    second = env.step(np.full((N, 1), -0.5))[0]["policy"]
    assert np.array_equal(first, before)
    assert not np.shares_memory(first, second)
    third = env.step(zeros())[0]["policy"]
    assert np.shares_memory(first, third)
    env.close()


def test_substep_controls_are_called_before_every_physics_step(exact):
    whole, split = make_env(exact), make_env(exact, substep_controls=True)
    for env in (whole, split):
        env.reset(seed=0)
        for _ in range(4):
            env.step(np.full((N, 1), 0.7))
    assert (whole.task.control_calls, split.task.control_calls) == (4, 8)
    np.testing.assert_allclose(whole.engine.qpos, split.engine.qpos, atol=1e-12)
    whole.close()
    split.close()


def test_chosen_worlds_can_be_restarted(exact):
    env = make_env(exact)
    env.reset(seed=0)
    env.step(np.ones((N, 1)))
    obs = env.reset_rows(np.array([0, 3]))
    assert env.episode_length_buf.tolist() == [0, 1, 1, 0]
    assert (obs["policy"][:, 1] != 0).tolist() == [False, True, True, False]
    env.close()


@pytest.mark.parametrize(("actions", "message"), [
    (np.zeros((N, 2)), r"shape \(4, 2\).*pass \(4, 1\)"),
    (np.zeros(N), r"shape \(4,\)"),
    (np.array([[0], [0], [np.nan], [0]]), "action 0 of world 2 of 'task' is nan"),
    (np.array([[0], [np.inf], [0], [0]]), "action 0 of world 1 of 'task' is inf"),
])  # fmt: skip
def test_bad_actions_are_refused_before_anything_moves(actions, message):
    env = make_env()
    env.reset(seed=0)
    before = env.engine.state.copy()
    with pytest.raises(BatchedActionError, match=message):
        env.step(actions)
    assert np.array_equal(env.engine.state, before)
    assert env.common_step_counter == 0
    env.close()


def test_no_worlds_are_refused():
    with pytest.raises(BatchSizeError, match="number of worlds is 0"):
        make_env(num_envs=0)


def test_a_diverged_world_is_reset_counted_and_dumped(exact, tmp_path):
    env = make_env(exact, tmp_path=tmp_path, max_episode_length=0)
    env.reset(seed=0)
    trace = []
    for k in range(130):
        trace.append(env.engine.state[1].copy())
        env.step(np.full((N, 1), 0.05 * (-1) ** k))
    env.engine.qvel[1] = np.nan
    env.engine.commit_rows(np.array([1]))
    with pytest.warns(UnstableWorldWarning, match="world 1 of 'task' became unstable"):
        obs, reward, terminated, _, extras = env.step(zeros())
    assert terminated.tolist() == [False, True, False, False]
    assert reward[1] == 0.0
    assert np.isfinite(obs["policy"]).all()
    assert np.isfinite(extras["final_observation"]["policy"]).all()
    assert env.unstable_worlds == 1
    assert extras["log"]["Physics/unstable_worlds"] == 1
    (path,) = tmp_path.glob("*.npz")
    with np.load(path) as dump:
        assert dump["states"].shape == (100, env.engine.layout.size)
        assert np.array_equal(dump["states"][:99], trace[-99:])
        assert not np.isfinite(dump["states"][-1]).all()
        assert dump["controls"].shape == (100, 1)
        assert dump["controls"][-2, 0] == pytest.approx(-0.05)
        model = mujoco.MjModel.from_binary_path(str(tmp_path / str(dump["model_file"])))
    assert model.nq == 1
    assert not env.step(zeros())[2].any()
    env.close()


def test_a_state_that_diverges_within_the_step_is_restored_to_the_last_good_one(exact, tmp_path):
    env = make_env(exact, tmp_path=tmp_path, max_episode_length=0, force=1e14)
    env.reset(seed=0)
    actions = zeros()
    actions[2:] = 1.0
    with pytest.warns(UnstableWorldWarning, match="world 2 and 1 more of 'task'"):
        _, _, terminated, _, extras = env.step(actions)
    assert terminated.tolist() == [False, False, True, True]
    assert env.unstable_worlds == 2
    assert len(list(tmp_path.glob("*.npz"))) == 1
    assert abs(extras["final_observation"]["policy"][0, 0]) <= 0.1
    env.close()


BALANCE = """<mujoco><worldbody><body><joint name="cart" type="slide" axis="1 0 0"/><geom size=".1"/>
<body><joint name="pole" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 0 0 .6" size=".03"/></body></body></worldbody>
<actuator><motor joint="cart" gear="10"/></actuator></mujoco>"""


def test_the_example_of_the_documentation_runs(tmp_path, monkeypatch):
    text = (Path(__file__).parents[3] / "docs" / "simulation.md").read_text()
    code = next(block for block in text.split("```python\n")[1:] if block.startswith("class Balance")).split("```")[0]
    (tmp_path / "pole.xml").write_text(BALANCE)
    monkeypatch.chdir(tmp_path)
    names = {"TaskDefaults": TaskDefaults, "VectorEnv": VectorEnv, "mujoco": mujoco, "np": np}
    exec(code, names)
    env = names["env"]
    env.reset(seed=0)
    fell = np.zeros(256, dtype=bool)
    for _ in range(120):
        obs, reward, terminated, _, _ = env.step(np.zeros((256, 1)))
        fell |= terminated
    assert obs["policy"].shape == (256, 4)
    assert fell.mean() > 0.9
    assert (reward > 0.9).all()
    env.close()


def test_reward_terms_may_come_and_go():
    class Moody(ToyTask):
        def rewards(self, context):
            alive, bonus = np.ones(len(context.qpos)), np.full(len(context.qpos), 0.5)
            return {"bonus": bonus, "alive": alive} if context.common_step_counter % 2 else {"alive": alive}

    env = VectorEnv(Moody(max_episode_length=4), 2, seed=0, num_threads=0)
    env.reset(seed=0)
    rewards = [env.step(np.zeros((2, 1)))[1].tolist() for _ in range(3)]
    assert rewards == [[1.5, 1.5], [1.0, 1.0], [1.5, 1.5]]
    log = env.step(np.zeros((2, 1)))[4]["log"]
    seconds = 4 * env.step_dt
    assert log["Episode_Reward/alive"] == pytest.approx(4 / seconds)
    assert log["Episode_Reward/bonus"] == pytest.approx(1 / seconds)
    env.close()
