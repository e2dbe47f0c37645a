"""A walking task in the style of legged_gym, written against ``isaacgym`` names only.

Torque PD with decimation, observations after resets, contact terminations, friction and mass randomisation.
"""

import numpy as np
import torch
from isaacgym import gymapi, gymtorch, gymutil
from isaacgym.torch_utils import quat_rotate_inverse, to_torch, torch_rand_float


class Quadruped:
    def __init__(self, asset_root, asset_file, num_envs, sim_device="cpu", terrain=None):
        self.gym = gymapi.acquire_gym()
        kind, device_id = gymutil.parse_device_str(sim_device)
        self.device = kind
        self.num_envs, self.decimation = num_envs, 4
        params = gymapi.SimParams()
        config = {"dt": 0.005, "substeps": 1, "gravity": [0.0, 0.0, -9.81], "up_axis": 1, "physx": {"num_threads": 1}}
        gymutil.parse_sim_config(config, params)
        self.sim = self.gym.create_sim(device_id, -1, gymapi.SIM_PHYSX, params)
        self._ground(terrain)
        self._create_envs(asset_root, asset_file)
        self.gym.prepare_sim(self.sim)
        self._buffers()
        self.reset_idx(torch.arange(num_envs))

    def _ground(self, terrain):
        if terrain is None:
            plane = gymapi.PlaneParams()
            plane.normal = gymapi.Vec3(0.0, 0.0, 1.0)
            plane.static_friction = 1.0
            self.gym.add_ground(self.sim, plane)
        else:
            params = gymapi.HeightFieldParams()
            params.nbRows, params.nbColumns = terrain.shape
            params.row_scale = params.column_scale = 0.1
            params.vertical_scale = 0.005
            params.transform.p.x = params.transform.p.y = -2.0
            self.gym.add_heightfield(self.sim, terrain, params)

    def _create_envs(self, root, file):
        options = gymapi.AssetOptions()
        options.default_dof_drive_mode = gymapi.DOF_MODE_EFFORT
        options.collapse_fixed_joints = True
        asset = self.gym.load_asset(self.sim, root, file, options)
        self.num_dof = self.gym.get_asset_dof_count(asset)
        self.num_bodies = self.gym.get_asset_rigid_body_count(asset)
        names = self.gym.get_asset_rigid_body_names(asset)
        self.dof_names = self.gym.get_asset_dof_names(asset)
        dof_props = self.gym.get_asset_dof_properties(asset)
        shapes = self.gym.get_asset_rigid_shape_properties(asset)
        lower, upper = gymapi.Vec3(-1.0, -1.0, 0.0), gymapi.Vec3(1.0, 1.0, 1.0)
        pose = gymapi.Transform()
        pose.p = gymapi.Vec3(0.0, 0.0, 0.32)
        self.envs, self.actors, self.frictions, self.masses = [], [], [], []
        for i in range(self.num_envs):
            env = self.gym.create_env(self.sim, lower, upper, int(np.sqrt(self.num_envs)))
            friction = 0.5 + 0.25 * i
            for shape in shapes:
                shape.friction = friction
            self.gym.set_asset_rigid_shape_properties(asset, shapes)
            actor = self.gym.create_actor(env, asset, pose, "robot", i, 1, 0)
            for row in dof_props:
                row["damping"] = row["stiffness"] = 0.0
            self.gym.set_actor_dof_properties(env, actor, dof_props)
            bodies = self.gym.get_actor_rigid_body_properties(env, actor)
            bodies[0].mass += 0.5 * i
            self.gym.set_actor_rigid_body_properties(env, actor, bodies, recomputeInertia=True)
            self.envs.append(env)
            self.actors.append(actor)
            self.frictions.append(friction)
            self.masses.append(sum(b.mass for b in bodies))
        self.torque_limits = to_torch([dof_props["effort"][i].item() for i in range(self.num_dof)]).clamp(max=35.0)
        calves = [name for name in names if "calf" in name]
        self.feet = [self.gym.find_actor_rigid_body_handle(self.envs[0], self.actors[0], name) for name in calves]
        self.trunk = self.gym.find_actor_rigid_body_handle(self.envs[0], self.actors[0], "trunk")

    def _buffers(self):
        root = self.gym.acquire_actor_root_state_tensor(self.sim)
        dof = self.gym.acquire_dof_state_tensor(self.sim)
        contact = self.gym.acquire_net_contact_force_tensor(self.sim)
        self.gym.refresh_dof_state_tensor(self.sim)
        self.gym.refresh_actor_root_state_tensor(self.sim)
        self.root_states = gymtorch.wrap_tensor(root)
        self.dof_state = gymtorch.wrap_tensor(dof)
        self.dof_pos = self.dof_state.view(self.num_envs, self.num_dof, 2)[..., 0]
        self.dof_vel = self.dof_state.view(self.num_envs, self.num_dof, 2)[..., 1]
        self.contact_forces = gymtorch.wrap_tensor(contact).view(self.num_envs, -1, 3)
        self.start = self.root_states.clone()
        self.default = to_torch([0.0, 0.9, -1.8] * 4)
        self.obs_buf = torch.zeros(self.num_envs, 36)
        self.rew_buf = torch.zeros(self.num_envs)
        self.reset_buf = torch.ones(self.num_envs, dtype=torch.long)
        self.episode_length_buf = torch.zeros(self.num_envs, dtype=torch.long)

    def step(self, actions):
        target = 0.25 * actions + self.default
        for _ in range(self.decimation):
            torques = 40.0 * (target - self.dof_pos) - 1.0 * self.dof_vel
            self.torques = torch.clip(torques, -self.torque_limits, self.torque_limits)
            self.gym.set_dof_actuation_force_tensor(self.sim, gymtorch.unwrap_tensor(self.torques))
            self.gym.simulate(self.sim)
            if self.device == "cpu":
                self.gym.fetch_results(self.sim, True)
            self.gym.refresh_dof_state_tensor(self.sim)
        self.gym.refresh_actor_root_state_tensor(self.sim)
        self.gym.refresh_net_contact_force_tensor(self.sim)
        self.episode_length_buf += 1
        quat = self.root_states[:, 3:7]
        gravity = quat_rotate_inverse(quat, torch.tensor([0.0, 0.0, -1.0]).repeat(self.num_envs, 1))
        time_out = self.episode_length_buf >= 200
        fell = torch.norm(self.contact_forces[:, self.trunk], dim=-1) > 1.0
        self.reset_buf = (fell | time_out).long()
        self.rew_buf = 1.0 + gravity[:, 2]
        self.reset_idx(self.reset_buf.nonzero(as_tuple=False).flatten())
        velocity = quat_rotate_inverse(quat, self.root_states[:, 7:10])
        spin = quat_rotate_inverse(quat, self.root_states[:, 10:13])
        self.obs_buf = torch.cat([velocity, spin, gravity, self.dof_pos - self.default, self.dof_vel, actions], dim=-1)
        return self.obs_buf, None, self.rew_buf, self.reset_buf, {"time_outs": time_out}

    def reset_idx(self, ids):
        if len(ids) == 0:
            return
        ids32 = ids.to(dtype=torch.int32)
        self.dof_pos[ids] = self.default * torch_rand_float(0.95, 1.05, (len(ids), self.num_dof), self.device)
        self.dof_vel[ids] = 0.0
        indices = gymtorch.unwrap_tensor(ids32)
        self.gym.set_dof_state_tensor_indexed(self.sim, gymtorch.unwrap_tensor(self.dof_state), indices, len(ids32))
        self.root_states[ids] = self.start[ids]
        states = gymtorch.unwrap_tensor(self.root_states)
        self.gym.set_actor_root_state_tensor_indexed(self.sim, states, indices, len(ids32))
        self.episode_length_buf[ids] = 0

    def push(self, speed):
        self.root_states[:, 7] = speed
        self.gym.set_actor_root_state_tensor(self.sim, gymtorch.unwrap_tensor(self.root_states))
