"""A world of two commanded axes and one object that go where they are told."""

import numpy as np


class ToyWorld:
    joint_names = ("x", "y")
    control_dt = 0.1

    def __init__(self):
        self.friction = 1.0
        self.reset(0)

    def reset(self, seed=None):
        self.position = np.zeros(2)
        self.object = np.array([1.0, 2.0, 0.5])
        self.seed, self.looks = seed, 0

    def step(self, command):
        self.position = np.array(command, dtype=float)

    def joint_state(self):
        return self.position.copy(), np.zeros(2), np.zeros(2)

    def object_poses(self):
        return {"thing": np.append(self.object, (0.0, 0.0, 0.0, 1.0)), "goal": np.array([0.0] * 6 + [1.0])}

    def success(self):
        return bool(self.position[0] >= 3.0)

    def failed(self):
        return bool(self.object[2] < 0.0)
