"""A task in the style of IsaacGymEnvs' VecTask, written against ``isaacgym`` names only. Prints a line per episode."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from isaacgym import gymapi, gymtorch
from isaacgym.torch_utils import to_torch

URDF = """<robot name="cartpole">
  <link name="slider"><collision><geometry><box size="0.03 8 0.03"/></geometry></collision></link>
  <joint name="slider_to_cart" type="prismatic"><axis xyz="0 1 0"/><parent link="slider"/><child link="cart"/>
    <limit effort="1000" lower="-4" upper="4" velocity="100"/></joint>
  <link name="cart"><inertial><mass value="1"/>
    <inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial></link>
  <joint name="cart_to_pole" type="continuous"><axis xyz="1 0 0"/><origin xyz="0.12 0 0"/><parent link="cart"/>
    <child link="pole"/><limit effort="1000" velocity="8"/></joint>
  <link name="pole"><inertial><origin xyz="0 0 0.47"/><mass value="1"/>
    <inertia ixx="0.075" ixy="0" ixz="0" iyy="0.075" iyz="0" izz="0.001"/></inertial></link>
</robot>"""


class Cartpole:
    num_obs, num_states, num_actions, num_agents = 4, 0, 1, 1
    device = rl_device = "cpu"

    def __init__(self, num_envs, directory, max_episode_length=100):
        self.num_envs, self.max_episode_length, self.max_push_effort = num_envs, max_episode_length, 100.0
        self.gym = gymapi.acquire_gym()
        params = gymapi.SimParams()
        params.dt, params.substeps, params.up_axis = 0.0166, 2, gymapi.UP_AXIS_Z
        params.gravity = gymapi.Vec3(0.0, 0.0, -9.81)
        params.physx.num_threads = 1
        self.sim = self.gym.create_sim(0, 0, gymapi.SIM_PHYSX, params)
        self.gym.add_ground(self.sim, gymapi.PlaneParams())
        Path(directory, "cartpole.urdf").write_text(URDF)
        options = gymapi.AssetOptions()
        options.fix_base_link = True
        asset = self.gym.load_asset(self.sim, str(directory), "cartpole.urdf", options)
        self.num_dof = self.gym.get_asset_dof_count(asset)
        pose = gymapi.Transform(gymapi.Vec3(0.0, 0.0, 2.0))
        self.envs = []
        for i in range(num_envs):
            env = self.gym.create_env(self.sim, gymapi.Vec3(-4, -4, 0), gymapi.Vec3(4, 4, 4), int(np.sqrt(num_envs)))
            handle = self.gym.create_actor(env, asset, pose, "cartpole", i, 1, 0)
            props = self.gym.get_actor_dof_properties(env, handle)
            props["driveMode"][0], props["driveMode"][1] = gymapi.DOF_MODE_EFFORT, gymapi.DOF_MODE_NONE
            props["stiffness"][:] = 0.0
            props["damping"][:] = 0.0
            self.gym.set_actor_dof_properties(env, handle, props)
            self.envs.append(env)
        self.gym.prepare_sim(self.sim)
        self.dof_state = gymtorch.wrap_tensor(self.gym.acquire_dof_state_tensor(self.sim))
        self.pos = self.dof_state.view(num_envs, self.num_dof, 2)[..., 0]
        self.vel = self.dof_state.view(num_envs, self.num_dof, 2)[..., 1]
        self.obs_buf = torch.zeros(num_envs, 4)
        self.rew_buf = torch.zeros(num_envs)
        self.reset_buf = torch.ones(num_envs, dtype=torch.long)
        self.progress_buf = torch.zeros(num_envs, dtype=torch.long)

    def reset_idx(self, ids):
        noise = 0.2 * (torch.rand(len(ids), self.num_dof) - 0.5)
        self.pos[ids], self.vel[ids] = noise, 0.5 * (torch.rand(len(ids), self.num_dof) - 0.5)
        ids32 = gymtorch.unwrap_tensor(ids.to(torch.int32))
        self.gym.set_dof_state_tensor_indexed(self.sim, gymtorch.unwrap_tensor(self.dof_state), ids32, len(ids))
        self.reset_buf[ids] = 0
        self.progress_buf[ids] = 0

    def step(self, actions):
        forces = torch.zeros(self.num_envs * self.num_dof)
        forces[:: self.num_dof] = actions.squeeze(-1).clamp(-1.0, 1.0) * self.max_push_effort
        self.gym.set_dof_actuation_force_tensor(self.sim, gymtorch.unwrap_tensor(forces))
        self.gym.simulate(self.sim)
        self.gym.fetch_results(self.sim, True)
        self.progress_buf += 1
        ids = self.reset_buf.nonzero(as_tuple=False).squeeze(-1)
        if len(ids) > 0:
            self.reset_idx(ids)
        self.gym.refresh_dof_state_tensor(self.sim)
        self.obs_buf = torch.stack([self.pos[:, 0], self.vel[:, 0], self.pos[:, 1], self.vel[:, 1]], dim=-1)
        angle = self.pos[:, 1]
        failed = (self.pos[:, 0].abs() > 3.0) | (angle.abs() > np.pi / 2)
        self.rew_buf = torch.where(failed, to_torch(-2.0), 1.0 - angle**2 - 0.005 * self.vel[:, 1].abs())
        time_out = self.progress_buf >= self.max_episode_length - 1
        self.reset_buf = (failed | time_out).long()
        return {"obs": self.obs_buf.clone()}, self.rew_buf, self.reset_buf, {"time_outs": time_out & ~failed}

    def reset(self):
        return {"obs": self.obs_buf.clone()}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        task = Cartpole(int(sys.argv[1]), folder)
        total = sum(task.step(torch.zeros(task.num_envs, 1))[1].mean().item() for _ in range(20))
        print(f"mean return of 20 steps: {total:.2f}")
