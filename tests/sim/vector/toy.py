"""A small task with every hook, to test the environment's bookkeeping."""

import mujoco
import numpy as np

from sim.vector import TaskDefaults

XML = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <body name="cart"><joint name="x" type="slide" axis="1 0 0" damping=".1"/>
      <geom type="sphere" size=".1" mass="1"/><site name="s"/></body>
  </worldbody>
  <actuator><motor joint="x" gear="1"/></actuator>
  <sensor><jointpos joint="x"/><velocimeter name="velocity" site="s"/></sensor>
</mujoco>
"""


class ToyTask(TaskDefaults):
    """Push a cart along x; falls off at |x| > 1; +1 per step and a cost on actions."""

    def __init__(self, max_episode_length=8, push_world=None, substep_controls=False, gain=1.0, force=1.0):
        self.cfg = {"gain": gain}
        self.gain = gain
        self.model = mujoco.MjModel.from_xml_string(XML)
        self.model.actuator_gainprm[0, 0] = force
        self.decimation = 2
        self.max_episode_length = max_episode_length
        self.action_low, self.action_high = -np.ones(1, np.float32), np.ones(1, np.float32)
        self.observation_groups = {"policy": 4, "critic": 1}
        self.push_world = push_world
        self.substep_controls = substep_controls
        self.control_calls = 0

    def memory(self, num_worlds):
        return {"episodes": np.zeros(num_worlds, dtype=np.int64), "updates": np.zeros(num_worlds)}

    def reset(self, context, ids):
        context.memory["episodes"][ids] += 1
        context.memory["updates"][ids] = 0
        return context.rng.uniform(-0.1, 0.1, (len(ids), 1)), np.zeros((len(ids), 1))

    def controls(self, context):
        self.control_calls += 1
        return self.gain * context.actions.astype(np.float64)

    def update(self, context):
        context.memory["updates"] += 1

    def terminations(self, context):
        return np.abs(context.qpos[:, 0]) > 1.0

    def rewards(self, context):
        k = len(context.qpos)
        return {"alive": np.ones(k), "action": -(context.actions[:, 0] ** 2), "failed": -5.0 * context.terminated}

    def events(self, context):
        if self.push_world is None:
            return None
        context.qvel[self.push_world, 0] += 0.25
        return np.array([self.push_world])

    def observations(self, context):
        history = np.stack([context.actions[:, 0], context.previous_actions[:, 0]], axis=1)
        return {
            "policy": np.concatenate([context.qpos, context.qvel, history], axis=1),
            "critic": context.sensordata[:, :1],
        }

    def log(self, context):
        return {"last_x": float(context.qpos[:, 0].mean())}


def make_toy(**options):
    """Factory for the registry's tests."""
    return ToyTask(**options)
