"""Velocity tracking on legs: follow (vx, vy, yaw rate) commands, the task of legged_gym, Isaac Lab and mjlab.

``config`` says what, ``scene`` builds the model with its sensors, ``state`` reads them, ``commands`` and ``events``
drive the episode, ``rewards``, ``observations`` and ``terminations`` are pure functions of the state, ``task`` puts
them behind ``sim.vector``, ``mirror`` knows the left-right symmetry of the robot.
"""
