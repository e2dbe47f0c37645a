"""rsl_rl, rl_games, skrl and Stable-Baselines3 train through their adapters, and touch exactly these attributes.

A library that starts to use another attribute fails here first, by name.
"""

import importlib.util

import pytest
import torch

from sim.isaacgym import wrap
from tests.sim.isaacgym.toy import Spy, toy_env

needs = {
    name: pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed")
    for name in ("rsl_rl", "rl_games", "skrl", "stable_baselines3")
}
MODEL = {"class_name": "MLPModel", "hidden_dims": [8], "activation": "elu", "obs_normalization": False}
RSL_RL = {
    "num_steps_per_env": 6,
    "save_interval": 100,
    "obs_groups": {"actor": ["policy"], "critic": ["policy", "critic"]},
    "actor": {**MODEL, "distribution_cfg": {"class_name": "GaussianDistribution", "init_std": 1.0}},
    "critic": MODEL,
    "algorithm": {
        "class_name": "PPO", "num_learning_epochs": 1, "num_mini_batches": 2, "schedule": "fixed",
        "learning_rate": 1e-3, "rnd_cfg": None, "symmetry_cfg": None,
    },
    "multi_gpu": None,
}  # fmt: skip


def rl_games_config(name):
    return {
        "params": {
            "seed": 0,
            "algo": {"name": "a2c_continuous"},
            "model": {"name": "continuous_a2c_logstd"},
            "network": {
                "name": "actor_critic", "separate": False,
                "space": {"continuous": {
                    "mu_activation": "None", "sigma_activation": "None", "mu_init": {"name": "default"},
                    "sigma_init": {"name": "const_initializer", "val": 0.0}, "fixed_sigma": True}},
                "mlp": {"units": [8], "activation": "elu", "initializer": {"name": "default"}},
            },
            "config": {
                "name": "toy", "env_name": name, "device": "cpu", "device_name": "cpu", "torch_compile": False,
                "ppo": True, "mixed_precision": False, "normalize_input": True, "normalize_value": True,
                "value_bootstrap": True, "num_actors": 4, "reward_shaper": {"scale_value": 1.0},
                "normalize_advantage": True, "gamma": 0.99, "tau": 0.95, "learning_rate": 1e-3, "lr_schedule": None,
                "max_epochs": 2, "save_frequency": 0, "save_best_after": 1000, "grad_norm": 1.0, "entropy_coef": 0.0,
                "truncate_grads": True, "e_clip": 0.2, "horizon_length": 6, "minibatch_size": 12, "mini_epochs": 1,
                "critic_coef": 1.0, "clip_value": True, "bounds_loss_coef": 0.0, "print_stats": False,
                "score_to_win": 1e9,
            },
        }
    }  # fmt: skip


@needs["rsl_rl"]
def test_rsl_rl(tmp_path):
    from rsl_rl.runners import OnPolicyRunner

    core = toy_env(max_episode_length=5)
    spy = Spy(wrap(core, "rsl_rl"))
    runner = OnPolicyRunner(spy, {**RSL_RL}, log_dir=None, device="cpu")
    before = [p.clone() for p in runner.alg.get_policy().parameters()]
    runner.learn(2, init_at_random_ep_len=True)
    assert core.common_step_counter == 12
    after = list(runner.alg.get_policy().parameters())
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    assert spy.read == {
        "cfg", "device", "episode_length_buf", "get_observations", "max_episode_length", "num_actions", "num_envs",
        "step",
    }  # fmt: skip
    assert spy.written == {"episode_length_buf"}


@needs["rl_games"]
def test_rl_games(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from rl_games.common import vecenv
    from rl_games.torch_runner import Runner

    from sim.isaacgym.adapters.rl_games import RlGamesEnv, register

    core = toy_env(max_episode_length=5)
    register("toy", lambda: core)
    spies = []

    def spied(config, actors, **kwargs):
        spies.append(Spy(RlGamesEnv(core)))
        return spies[-1]

    monkeypatch.setitem(vecenv.vecenv_config, "keel-toy", spied)
    runner = Runner()
    runner.load(rl_games_config("toy"))
    runner.run({"train": True, "play": False})
    assert core.common_step_counter == 12
    # get_env_state belongs to the checkpoint at the end.
    assert spies[0].read == {"get_env_info", "get_env_state", "reset", "set_train_info", "step"}
    assert not spies[0].written


@needs["rl_games"]
def test_rl_games_environment_is_registered_by_name():
    from rl_games.common import vecenv

    from sim.isaacgym.adapters.rl_games import register

    register("other", toy_env)
    env = vecenv.create_vec_env("other", 4)
    info = env.get_env_info()
    assert info["observation_space"].shape == (4,) and info["state_space"].shape == (1,) and info["agents"] == 1
    env.set_env_state(env.get_env_state())
    assert env.reset_done()[1].tolist() == [0, 1, 2, 3]


@needs["skrl"]
def test_skrl():
    import gymnasium
    from skrl.agents.torch.ppo import PPO, PPO_CFG
    from skrl.envs.wrappers.torch import wrap_env
    from skrl.memories.torch import RandomMemory
    from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
    from skrl.trainers.torch import SequentialTrainer

    core = toy_env(max_episode_length=5)
    spy = Spy(wrap(core, "isaaclab"))
    # gymnasium.Env.unwrapped would lead past the spy.
    object.__setattr__(spy, "unwrapped", spy)
    env = wrap_env(spy, wrapper="isaaclab", verbose=False)

    class Policy(GaussianMixin, Model):
        def __init__(self):
            Model.__init__(self, observation_space=env.observation_space, action_space=env.action_space, device="cpu")
            GaussianMixin.__init__(self)
            self.net = torch.nn.Linear(self.num_observations, self.num_actions)
            self.log_std = torch.nn.Parameter(torch.zeros(self.num_actions))

        def compute(self, inputs, role=""):
            return self.net(inputs["observations"]), {"log_std": self.log_std}

    class Value(DeterministicMixin, Model):
        def __init__(self):
            Model.__init__(self, observation_space=env.observation_space, action_space=env.action_space, device="cpu")
            DeterministicMixin.__init__(self)
            self.net = torch.nn.Linear(self.num_observations, 1)

        def compute(self, inputs, role=""):
            return self.net(inputs["observations"]), {}

    assert isinstance(env.action_space, gymnasium.spaces.Box)
    cfg = PPO_CFG(rollouts=6, learning_epochs=1, mini_batches=2)
    cfg.experiment.write_interval = cfg.experiment.checkpoint_interval = 0
    agent = PPO(
        models={"policy": Policy(), "value": Value()}, memory=RandomMemory(memory_size=6, num_envs=4, device="cpu"),
        observation_space=env.observation_space, state_space=env.state_space, action_space=env.action_space,
        device="cpu", cfg=cfg,
    )  # fmt: skip
    before = agent.models["policy"].net.weight.clone()
    schedule = {"timesteps": 12, "headless": True, "disable_progressbar": True, "close_environment_at_exit": False}
    SequentialTrainer(env=env, agents=agent, cfg=schedule).train()
    assert core.common_step_counter == 12
    assert (agent.models["policy"].net.weight != before).any()
    expected = {"close", "device", "num_envs", "reset", "single_action_space", "single_observation_space", "step"}
    assert spy.read - expected <= {"num_agents", "possible_agents", "state_space", "observation_space", "action_space"}
    assert {"num_envs", "reset", "step", "single_action_space", "single_observation_space"} <= spy.read


@needs["stable_baselines3"]
def test_stable_baselines3():
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecEnv

    class Recorder(VecEnv):
        """A ``VecEnv`` (SB3 checks the class) that notes the calls and passes them on."""

        def __init__(self, inner):
            self.inner, self.calls = inner, set()
            super().__init__(inner.num_envs, inner.observation_space, inner.action_space)

        def _pass(self, name, *args, **kwargs):
            self.calls.add(name)
            return getattr(self.inner, name)(*args, **kwargs)

        def reset(self):
            return self._pass("reset")

        def step_async(self, actions):
            return self._pass("step_async", actions)

        def step_wait(self):
            return self._pass("step_wait")

        def close(self):
            return self._pass("close")

        def get_attr(self, attr_name, indices=None):
            return self._pass("get_attr", attr_name, indices)

        def set_attr(self, attr_name, value, indices=None):
            return self._pass("set_attr", attr_name, value, indices)

        def env_method(self, method_name, *args, indices=None, **kwargs):
            return self._pass("env_method", method_name, *args, indices=indices, **kwargs)

        def env_is_wrapped(self, wrapper_class, indices=None):
            return self._pass("env_is_wrapped", wrapper_class, indices)

    core = toy_env(max_episode_length=5)
    env = Recorder(wrap(core, "sb3"))
    agent = PPO("MlpPolicy", env, n_steps=6, batch_size=12, n_epochs=1, seed=0, device="cpu")
    agent.learn(48)
    assert core.common_step_counter == 12
    assert env.calls <= {"reset", "step_async", "step_wait", "get_attr", "env_is_wrapped"}
    assert {"reset", "step_async", "step_wait"} <= env.calls
