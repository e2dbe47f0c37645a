"""A batched environment with known numbers, a recorder of attribute use, and a late-resetting VecTask."""

import torch

from sim.vector import VectorEnv
from tests.sim.vector.toy import ToyTask


def toy_env(num_envs=4, max_episode_length=8, seed=0, **options):
    return VectorEnv(ToyTask(max_episode_length, **options), num_envs, name="toy", seed=seed, num_threads=0)


class Spy:
    """Passes everything on and remembers which public attributes were read, and which were written."""

    def __init__(self, target):
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "read", set())
        object.__setattr__(self, "written", set())

    def __getattr__(self, name):
        if not name.startswith("__"):
            self.read.add(name)
        return getattr(self.target, name)

    def __setattr__(self, name, value):
        self.written.add(name)
        setattr(self.target, name, value)


class LateVecTask:
    """IsaacGymEnvs' convention written out: counts to 3, and resets in the step after the one that reports it."""

    num_envs, num_obs, num_states, num_actions = 2, 1, 0, 1
    device = rl_device = "cpu"

    def __init__(self):
        self.progress_buf = torch.zeros(2, dtype=torch.long)
        self.reset_buf = torch.ones(2, dtype=torch.long)

    def step(self, actions):
        self.progress_buf += 1
        self.progress_buf[self.reset_buf > 0] = 0
        self.reset_buf = (self.progress_buf >= 3).long()
        obs = {"obs": self.progress_buf[:, None].float()}
        return obs, actions[:, 0] * 2.0, self.reset_buf, {"time_outs": self.reset_buf * torch.tensor([1, 0])}

    def reset(self):
        return {"obs": self.progress_buf[:, None].float()}
