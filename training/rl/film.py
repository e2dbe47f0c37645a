"""A film of a walking policy: head-less, the camera follows the robot.

Example::

    python -m training.rl.film examples/go1_velocity_flat/policy.onnx walk.gif
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.rendering import Renderer
from sim.tasks.velocity.config import VelocityConfig
from sim.tasks.velocity.robots import go1_robot
from sim.tasks.velocity.task import VelocityTask
from sim.tasks.velocity.visual import go1_visual_model
from sim.vector import VectorEnv
from training.rl.evaluation import fixed_command
from training.rl.export import OnnxPolicy, ScaledPolicy, observation_scale

SCRIPT = ((0.0, (0.8, 0.0, 0.0)), (3.0, (0.5, 0.0, 0.8)), (5.0, (0.0, 0.4, 0.0)), (7.0, (0.0, 0.0, 0.0)))
"""Start [s] of each command (vx, vy [m/s], yaw rate [rad/s])."""
PUSH_S, PUSH = 8.0, (0.0, 1.0)
"""A kick of 1 m/s to the side while it stands."""


def film(
    policy_path: Path, seconds: float = 9.5, width: int = 400, height: int = 250, fps: float = 12.5
) -> tuple[list[NDArray[np.uint8]], float]:
    """Frames (H, W, 3) of the policy on the scripted commands, and the distance walked [m]."""
    config = VelocityConfig(episode_s=60.0, noise=None)
    config = fixed_command(replace(config, reset=replace(config.reset, yaw=(0.0, 0.0), velocity=0.0)), (0.0, 0.0, 0.0))
    task = VelocityTask(go1_robot(), config)
    env = VectorEnv(task, 1, name="film", seed=0, num_threads=0)
    policy = ScaledPolicy(OnnxPolicy(policy_path.read_bytes()), observation_scale(task))
    model = go1_visual_model(config)
    data = mujoco.MjData(model)
    obs, _ = env.reset()
    frames = []
    with Renderer(model, width, height, camera="tracking") as renderer:
        for step in range(round(seconds / env.step_dt)):
            now = step * env.step_dt
            command = [c for start, c in SCRIPT if start <= now + 1e-9][-1]
            env.context.memory["command"][:] = command
            if step == round(PUSH_S / env.step_dt):
                env.context.qvel[:, :2] += PUSH
                env.engine.commit_rows(np.arange(1))
            obs, *_ = env.step(policy(obs["policy"]))
            if step % round(1.0 / (fps * env.step_dt)) == 0:
                data.qpos[:] = env.context.qpos[0]
                mujoco.mj_forward(model, data)
                frames.append(renderer.frame(data))
    distance = float(np.linalg.norm(env.context.qpos[0, :2]))
    env.close()
    return frames, distance


if __name__ == "__main__":
    pictures, walked = film(Path(sys.argv[1]))
    iio.imwrite(sys.argv[2], pictures, duration=80, loop=0)
    print(f"{len(pictures)} frames, ended {walked:.1f} m from the start")
