"""The running simulation: N worlds on the rollout pool and the float32 tensors that scripts see."""

from __future__ import annotations

import copy

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.isaacgym.errors import UnsupportedCallError
from sim.isaacgym.shim.params import SimParams
from sim.isaacgym.shim.scene import Scene
from sim.isaacgym.shim.worlds import DRIVE_POS, DRIVE_VEL, apply_env, compile_world, prefix, substeps_of, world_models
from sim.vector.engine import RolloutEngine
from sim.vector.layout import FULL_PHYSICS
from sim.vector.rotations import rotate, rotate_inverse

__all__ = ["Physics"]

Floats = NDArray[np.float32]


class Physics:
    """State and tensors after ``prepare_sim``.

    Tensors (float32, one buffer each, global frame): ``root`` (N actors, 13) position, quaternion xyzw, linear and
    angular velocity; ``dof`` (N dofs, 2); ``bodies`` (N bodies, 13); ``contact`` (N bodies, 3) net contact force;
    ``dof_force`` (N dofs,); ``sensor`` (N sensors, 6). The linear velocity is that of the body's frame, not of its
    centre of mass. ``refresh_*`` fills a buffer; what a script writes into it waits for a setter.
    """

    def __init__(self, scene: Scene, params: SimParams) -> None:
        scene.check()
        self.scene, self.params = scene, params
        base = compile_world(scene, params, ("contact", "dof_force"))
        n, first = len(scene.envs), scene.envs[0]
        threads = int(params.physx.num_threads) or None
        self.engine = RolloutEngine(
            world_models(base, scene), n, substeps_of(params), external_forces=True, num_threads=threads
        )
        self.base = base
        self.origins = scene.origins()
        self.actors = first.actors
        self.unstable = 0
        self._data = mujoco.MjData(base)
        self._index(base)
        a, d, b = len(self.actors), first.num_dofs, first.num_bodies
        self.root = np.zeros((n * a, 13), dtype=np.float32)
        self.dof = np.zeros((n * d, 2), dtype=np.float32)
        self.bodies = np.zeros((n * b, 13), dtype=np.float32)
        self.contact = np.zeros((n * b, 3), dtype=np.float32)
        self.dof_force = np.zeros(n * d, dtype=np.float32)
        self.sensor = np.zeros((n * sum(len(x.asset.sensors) for x in self.actors), 6), dtype=np.float32)
        self.force = np.zeros((n, d))
        self.target = np.zeros((n, d))
        self.target_velocity = np.zeros((n, d))
        self.kp, self.kd, self.driven = np.zeros((n, d)), np.zeros((n, d)), np.zeros((n, d), dtype=bool)
        for i in range(n):
            self.reload_gains(i)
        self._place()

    def _index(self, m: mujoco.MjModel) -> None:
        joints = [m.joint(prefix(k) + name).id for k, a in enumerate(self.actors) for name in a.asset.dofs]
        self.dof_qpos = m.jnt_qposadr[joints].astype(np.int64) if joints else np.zeros(0, np.int64)
        self.dof_qvel = m.jnt_dofadr[joints].astype(np.int64) if joints else np.zeros(0, np.int64)
        self.dof_actor = np.array([k for k, a in enumerate(self.actors) for _ in a.asset.dofs], dtype=np.int64)
        self.root_body = [m.body(prefix(k) + a.asset.bodies[0]).id for k, a in enumerate(self.actors)]
        self.main_body = np.array(
            [m.body(prefix(k) + name).id for k, a in enumerate(self.actors) for name in a.asset.bodies]
        )
        self.contact_columns: list[tuple[int, slice]] = []
        for k, a in enumerate(self.actors):
            for b in range(1, a.asset.model.nbody):
                name = f"contact:{prefix(k)}{a.asset.model.body(b).name}"
                s = int(mujoco.mj_name2id(m, mujoco.mjtObj.mjOBJ_SENSOR, name))
                if s >= 0:
                    start = int(m.sensor_adr[s])
                    self.contact_columns.append((a.body_offset + int(a.asset.owner[b]), slice(start, start + 9)))
        names = [f"dof:{prefix(k)}{name}" for k, a in enumerate(self.actors) for name in a.asset.dofs]
        self.dof_columns = [int(m.sensor_adr[m.sensor(name).id]) for name in names]

    def _place(self) -> None:
        qpos = np.tile(self.base.qpos0, (len(self.scene.envs), 1))
        for k, actor in enumerate(self.actors):
            if not actor.asset.fixed:
                start = int(self.base.jnt_qposadr[self.base.body_jntadr[self.root_body[k]]])
                for i, env in enumerate(self.scene.envs):
                    qpos[i, start : start + 7] = np.concatenate(self.scene.start(env, env.actors[k]))
        ids = np.arange(len(self.scene.envs))
        self.engine.write_rows(ids, qpos, np.zeros((len(ids), self.base.nv)))
        self.target[:] = self.engine.qpos[:, self.dof_qpos]

    def reload_gains(self, env: int) -> None:
        """Reads drive modes and gains of one environment."""
        props = np.concatenate([a.dof_props for a in self.scene.envs[env].actors])
        mode = props["driveMode"]
        self.driven[env] = (mode == DRIVE_POS) | (mode == DRIVE_VEL)
        self.kp[env] = np.where(mode == DRIVE_POS, props["stiffness"], 0.0)
        self.kd[env] = np.where(self.driven[env], props["damping"], 0.0)

    def reload(self, env: int) -> None:
        """Properties of one environment were changed after ``prepare_sim``: it gets a model of its own."""
        model = copy.copy(self.base)
        model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
        apply_env(model, self.scene, self.scene.envs[env])
        self.engine.models[env] = model
        self.reload_gains(env)

    def set_gravity(self, gravity: NDArray[np.float64]) -> None:
        """In every world [m/s^2]."""
        for model in {id(m): m for m in self.engine.models}.values():
            model.opt.gravity[:] = gravity

    def simulate(self) -> None:
        """One ``dt``: drives, external forces (cleared afterwards), physics. Diverged worlds start over, counted."""
        before = self.engine.state.copy()
        control = np.where(self.driven, self.kp * self.target + self.kd * self.target_velocity, self.force)
        bad = np.flatnonzero(self.engine.step(control))
        if bad.size:
            self.unstable += int(bad.size)
            self.engine.restore_rows(bad, before[bad])
            self.engine.qvel[bad] = 0.0
        assert self.engine.xfrc is not None
        self.engine.xfrc[:] = 0.0

    def _free(self, k: int) -> tuple[slice, slice]:
        joint = int(self.base.body_jntadr[self.root_body[k]])
        q, v = int(self.base.jnt_qposadr[joint]), int(self.base.jnt_dofadr[joint])
        return slice(q, q + 7), slice(v, v + 6)

    def refresh_root(self) -> None:
        """MuJoCo's free joint has quaternions wxyz and the angular velocity in the body frame; Isaac Gym neither."""
        out = self.root.reshape(len(self.scene.envs), -1, 13)
        for k, actor in enumerate(self.actors):
            if actor.asset.fixed:
                body = self.root_body[k]
                out[:, k, :3] = [m.body_pos[body] for m in self.engine.models] + self.origins
                out[:, k, 3:7] = np.roll([m.body_quat[body] for m in self.engine.models], -1, axis=1)
                out[:, k, 7:] = 0.0
                continue
            q, v = self._free(k)
            pose, velocity = self.engine.qpos[:, q], self.engine.qvel[:, v]
            out[:, k, :3] = pose[:, :3] + self.origins
            out[:, k, 3:7] = np.roll(pose[:, 3:], -1, axis=1)
            out[:, k, 7:10] = velocity[:, :3]
            out[:, k, 10:] = rotate(pose[:, 3:], velocity[:, 3:])

    def refresh_dof(self) -> None:
        """Joint positions and velocities."""
        out = self.dof.reshape(len(self.scene.envs), -1, 2)
        out[:, :, 0] = self.engine.qpos[:, self.dof_qpos]
        out[:, :, 1] = self.engine.qvel[:, self.dof_qvel]

    def refresh_bodies(self) -> None:
        """Forward kinematics of every world at its current state."""
        n, data = len(self.scene.envs), self._data
        shape = (n, len(self.main_body))
        pos, quat, spatial, com = (np.empty((*shape, w)) for w in (3, 4, 6, 3))
        roots = self.base.body_rootid[self.main_body]
        for i, model in enumerate(self.engine.models):
            mujoco.mj_setState(model, data, self.engine.state[i], FULL_PHYSICS)
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_comVel(model, data)
            pos[i], quat[i] = data.xpos[self.main_body], data.xquat[self.main_body]
            spatial[i], com[i] = data.cvel[self.main_body], data.subtree_com[roots]
        out = self.bodies.reshape(*shape, 13)
        out[..., :3] = pos + self.origins[:, None]
        out[..., 3:7] = np.roll(quat, -1, axis=-1)
        # cvel is the spatial velocity at the tree's centre of mass; moved to the body's origin.
        out[..., 7:10] = spatial[..., 3:] + np.cross(spatial[..., :3], pos - com)
        out[..., 10:] = spatial[..., :3]

    def refresh_contact(self) -> None:
        """Net force [N] on each rigid body during the last physics step; the sensor measures what the body exerts."""
        out = self.contact.reshape(len(self.scene.envs), -1, 3)
        out[:] = 0.0
        for body, columns in self.contact_columns:
            out[:, body] -= self.engine.sensordata[:, columns][:, :3]

    def refresh_dof_force(self) -> None:
        """Force of each drive during the last physics step [N m or N]."""
        self.dof_force.reshape(len(self.scene.envs), -1)[:] = self.engine.sensordata[:, self.dof_columns]

    def refresh_sensors(self) -> None:
        """Net contact wrench on the sensor's body, at the sensor's origin and in its frame."""
        if not self.sensor.size:
            return
        self.refresh_bodies()
        n = len(self.scene.envs)
        out, bodies = self.sensor.reshape(n, -1, 6), self.bodies.reshape(n, -1, 13).astype(np.float64)
        s = 0
        for actor in self.actors:
            for body, pose in actor.asset.sensors:
                index = actor.body_offset + body
                quat = np.roll(bodies[:, index, 3:7], 1, axis=1)
                origin = bodies[:, index, :3] - self.origins + rotate(quat, np.tile(pose.p.array(), (n, 1)))
                force, torque = np.zeros((n, 3)), np.zeros((n, 3))
                for column in (c for b, c in self.contact_columns if b == index):
                    wrench = self.engine.sensordata[:, column].copy()
                    wrench[:, :6] *= -1.0
                    force += wrench[:, :3]
                    torque += wrench[:, 3:6] + np.cross(wrench[:, 6:] - origin, wrench[:, :3])
                local = np.tile(pose.r.wxyz(), (n, 1))
                out[:, s, :3] = rotate_inverse(local, rotate_inverse(quat, force))
                out[:, s, 3:] = rotate_inverse(local, rotate_inverse(quat, torque))
                s += 1

    def set_root(self, values: Floats, actor_ids: NDArray[np.int64]) -> None:
        """Rows ``actor_ids`` of (N actors, 13) into the worlds."""
        per_env = len(self.actors)
        for k, actor in enumerate(self.actors):
            ids = actor_ids[actor_ids % per_env == k]
            envs, rows = ids // per_env, values[ids].astype(np.float64)
            if not ids.size:
                continue
            quat = np.roll(rows[:, 3:7], 1, axis=1)
            quat /= np.maximum(np.linalg.norm(quat, axis=1, keepdims=True), 1e-9)
            place = rows[:, :3] - self.origins[envs]
            if actor.asset.fixed:
                self._move_fixed(k, envs, place, quat)
                continue
            q, v = self._free(k)
            self.engine.qpos[envs, q] = np.concatenate([place, quat], axis=1)
            self.engine.qvel[envs, v] = np.concatenate([rows[:, 7:10], rotate_inverse(quat, rows[:, 10:])], axis=1)
            self.engine.warmstart[envs] = 0.0

    def _move_fixed(
        self, k: int, envs: NDArray[np.int64], place: NDArray[np.float64], quat: NDArray[np.float64]
    ) -> None:
        body = self.root_body[k]
        for env, p, q in zip(envs, place, quat, strict=True):
            model = self.engine.models[env]
            if np.allclose(model.body_pos[body], p, atol=1e-5) and np.allclose(model.body_quat[body], q, atol=1e-5):
                continue
            if sum(m is model for m in self.engine.models) > 1:
                model = self.engine.models[env] = copy.copy(model)
            model.body_pos[body], model.body_quat[body] = p, q

    def set_dof(self, values: Floats, actor_ids: NDArray[np.int64]) -> None:
        """Joint states of the actors ``actor_ids``, from (N dofs, 2)."""
        values = values.reshape(len(self.scene.envs), -1, 2)
        for k in range(len(self.actors)):
            envs = actor_ids[actor_ids % len(self.actors) == k] // len(self.actors)
            mine = np.flatnonzero(self.dof_actor == k)
            if envs.size and mine.size:
                self.engine.qpos[np.ix_(envs, self.dof_qpos[mine])] = values[np.ix_(envs, mine)][..., 0]
                self.engine.qvel[np.ix_(envs, self.dof_qvel[mine])] = values[np.ix_(envs, mine)][..., 1]
                self.engine.warmstart[envs] = 0.0

    def set_controls(self, buffer: NDArray[np.float64], values: Floats, actor_ids: NDArray[np.int64] | None) -> None:
        """Forces or targets (N dofs,) into ``force``, ``target`` or ``target_velocity``, of all or chosen actors."""
        values = values.reshape(buffer.shape)
        if actor_ids is None:
            buffer[:] = values
            return
        for k in range(len(self.actors)):
            envs = actor_ids[actor_ids % len(self.actors) == k] // len(self.actors)
            cells = np.ix_(envs, np.flatnonzero(self.dof_actor == k))
            buffer[cells] = values[cells]

    def push(self, forces: Floats | None, torques: Floats | None, positions: Floats | None, space: int) -> None:
        """Forces and torques (N bodies, 3) for the next ``simulate``.

        Args:
            forces: act at the centre of mass, or at ``positions`` (global frame).
            torques: added.
            positions: (N bodies, 3).
            space: 0 environment or 2 global frame, 1 body frame.
        """
        assert self.engine.xfrc is not None
        n = len(self.scene.envs)
        target = self.engine.xfrc[:, self.main_body]
        zero = np.zeros_like(target[..., :3])
        force = zero if forces is None else forces.reshape(zero.shape).astype(np.float64)
        torque = zero if torques is None else torques.reshape(zero.shape).astype(np.float64)
        if space == 1 or positions is not None:
            self.refresh_bodies()
        quat = np.roll(self.bodies[:, 3:7], 1, axis=1).astype(np.float64)
        if space == 1:
            force = rotate(quat, force.reshape(-1, 3)).reshape(zero.shape)
            torque = rotate(quat, torque.reshape(-1, 3)).reshape(zero.shape)
        if positions is not None:
            if space == 1:
                raise UnsupportedCallError("apply_rigid_body_force_at_pos_tensors in LOCAL_SPACE.", "use ENV_SPACE.")
            offset = np.array([m.body_ipos[self.main_body] for m in self.engine.models]).reshape(-1, 3)
            com = self.bodies[:, :3] + rotate(quat, offset)
            arm = positions.reshape(-1, 3) - com
            if space == 0:
                arm += np.repeat(self.origins, len(self.main_body), axis=0)
            torque = torque + np.cross(arm, force.reshape(-1, 3)).reshape(n, -1, 3)
        self.engine.xfrc[:, self.main_body, :3] += force
        self.engine.xfrc[:, self.main_body, 3:] += torque
