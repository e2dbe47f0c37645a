"""A walking bundle in changed worlds: contract, planner and governor of the nodes on a simulated Go1 at 500 Hz.

The gait was trained at 200 Hz with ``implicitfast``; the robot here runs finer physics already, so even *nominal* is
another simulation. An episode succeeds when the robot walks to the end: it neither falls nor is stopped.
"""

from __future__ import annotations

import mujoco
import numpy as np

from policy_nodes.bundle.load import Bundle
from policy_nodes.safety.supervisor import State
from sim.robots import go1
from sim.tasks.velocity.simulated_robot import PHYSICS_DT, SimulatedGo1
from training.evaluation.shifted.shift import (
    Floats,
    Late,
    Shift,
    Trial,
    add_payload,
    joint_losses,
    scale_friction,
    scale_servos,
    tilt_gravity,
)
from training.evaluation.walking import WalkingLoop

START_S, WALK_S = 1.5, 4.0
"""Getting into the gait, then the part that is measured."""
COMMANDS = ((0.3, 0.8), (-0.2, 0.2), (-0.5, 0.5))
"""Ranges of forward and lateral speed [m/s] and yaw rate [rad/s]; each episode draws one command and keeps it."""
RMS = 0.2
"""Largest velocity error of a changed world [m/s], root mean square; 0.15 on the nominal robot."""
SHIFTS = (
    Shift("nominal", "the robot as modelled, 2 ms implicitfast", min_success=0.95, max_error=0.15),
    Shift("euler_1ms", "semi-implicit Euler at 1 ms", integrator="Euler", physics_dt=0.001, max_error=RMS),
    Shift("rk4", "Runge-Kutta 4 at 2 ms", integrator="RK4", max_error=RMS),
    Shift("slippery", "friction of everything times 0.5", (scale_friction(0.5),), max_error=RMS),
    Shift("payload", "2 kg on the trunk, centre of mass 3 cm aside", (add_payload(go1.BASE_BODY, 2.0, 0.03),),
          max_error=RMS),
    Shift("weak_motors", "torque limits times 0.8", (scale_servos(1.0, 1.0, 0.8),), max_error=RMS),
    Shift("soft_servos", "stiffness times 0.85, damping times 0.8", (scale_servos(0.85, 0.8),), max_error=RMS),
    Shift("stiff_servos", "stiffness times 1.15, damping times 1.2", (scale_servos(1.15, 1.2),), max_error=RMS),
    Shift("dry_gears", "0.3 N m dry and 0.1 N m s/rad viscous friction more", (joint_losses(0.3, 0.1),),
          max_error=RMS),
    Shift("slope", "ground tilted by 4 degrees", (tilt_gravity(4.0),), max_error=RMS),
    Shift("late_20ms", "answers used one control period (20 ms) late", action_delay=1, max_error=RMS),
    Shift("noise", "joint positions 0.01 rad, velocities 1 rad/s, gyroscope 0.15 rad/s, gravity 0.03",
          noise={"joint_pos": 0.01, "joint_vel": 1.0, "base_ang_vel": 0.15, "projected_gravity": 0.03}, max_error=RMS),
    Shift("kick", "pushed by 0.5 m/s in a random direction", push=0.5, min_success=0.95),
    Shift("everything", "slippery 0.7, 1 kg, soft servos, dry gears, noise, one period late, Euler 1 ms",
          (scale_friction(0.7), add_payload(go1.BASE_BODY, 1.0, 0.02), scale_servos(0.9, 0.9, 0.9),
           joint_losses(0.15, 0.05)),
          integrator="Euler", physics_dt=0.001, action_delay=1,
          noise={"joint_pos": 0.01, "joint_vel": 0.75, "base_ang_vel": 0.1, "projected_gravity": 0.02},
          min_success=0.8, max_error=0.3),
)  # fmt: skip


def walk(bundle: Bundle, shift: Shift, seed: int) -> Trial:
    """One robot in one changed world.

    Args:
        bundle: of a gait.
        shift: what differs.
        seed: of command, moment and direction of the push, noise, and what the shift draws.

    Returns:
        Success, and the root mean square over the measured part of the planar velocity error [m/s].
    """
    rng = np.random.default_rng([seed, 11])
    command = tuple(float(rng.uniform(low, high)) for low, high in COMMANDS)
    robot = SimulatedGo1(seed, shift.physics_dt or PHYSICS_DT)
    shift.apply(robot.model, rng)
    robot.data = mujoco.MjData(robot.model)
    robot.new_episode(seed)
    late: dict[str, Late] = {}

    def corrupt(name: str, value: Floats) -> Floats:
        noisy = value + rng.normal(0.0, shift.noise[name], value.shape) if name in shift.noise else value
        if name == "projected_gravity":
            noisy = noisy / np.linalg.norm(noisy)  # an orientation with an error is still an orientation
        if not shift.observation_delay or name == "velocity_command":
            return noisy
        return late.setdefault(name, Late(shift.observation_delay))(noisy)

    loop = WalkingLoop(bundle, robot, shift.action_delay, corrupt)
    try:
        loop.enable()
    except RuntimeError as error:
        return Trial(False, None, str(error))
    loop.run(START_S + float(rng.uniform(0.0, 0.25)), (command[0], command[1], command[2]))
    first = len(loop.trace.twist)
    if shift.push:
        angle = float(rng.uniform(-np.pi, np.pi))
        robot.push(shift.push * np.array([np.cos(angle), np.sin(angle)]))
    trace = loop.run(WALK_S)
    stopped = next((d for d in trace.decisions if d.state in (State.BACKUP, State.STOPPED)), None)
    if trace.fallen or stopped is not None:
        return Trial(False, None, "fell" if trace.fallen else f"stopped: {stopped and stopped.detail}")
    errors = np.array(trace.twist[first:])[:, :2] - np.array(command[:2])
    return Trial(True, float(np.sqrt(np.mean(np.sum(errors**2, axis=1)))))
