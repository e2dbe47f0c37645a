"""Task files written for Isaac Gym run unmodified: a quadruped in legged_gym's style, a cart-pole in IsaacGymEnvs'."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from sim.isaacgym.__main__ import main
from sim.isaacgym.adapters.reverse import ReverseEnv
from sim.robots.menagerie import menagerie_path

SCRIPTS = Path(__file__).parent / "scripts"


def load(name):
    """Imports a script afresh; ``isaacgym`` must be installed."""
    sys.modules.pop(f"tests.sim.isaacgym.scripts.{name}", None)
    return importlib.import_module(f"tests.sim.isaacgym.scripts.{name}")


@pytest.fixture
def robot(isaacgym):
    tasks = []

    def make(num_envs=4, terrain=None):
        torch.manual_seed(0)
        tasks.append(
            load("quadruped").Quadruped(str(menagerie_path("unitree_go1")), "go1.xml", num_envs, "cpu", terrain)
        )
        return tasks[-1]

    yield make
    for task in tasks:
        task.gym.destroy_sim(task.sim)


def test_nothing_named_isaacgym_can_be_imported_before_install():
    assert "isaacgym" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        load("cartpole")


def test_go1_stands_and_its_feet_carry_its_weight(robot):
    task = robot()
    assert task.num_dof == 12 and task.dof_names[0] == "FR_hip_joint" and len(task.feet) == 4
    done = torch.zeros(4, dtype=torch.long)
    for _ in range(100):
        obs, privileged, reward, reset, _ = task.step(torch.zeros(4, 12))
        done |= reset
    assert not done.any() and privileged is None
    assert ((task.root_states[:, 2] > 0.2) & (task.root_states[:, 2] < 0.35)).all()
    weight = torch.tensor(task.masses) * 9.81
    torch.testing.assert_close(task.contact_forces[:, :, 2].sum(dim=1), weight.float(), rtol=0.02, atol=0.5)
    assert task.contact_forces[:, task.feet, 2].min() > 5.0
    assert obs.shape == (4, 45) and reward.max() < 0.05


def test_every_robot_has_its_own_mass_and_friction(robot):
    task = robot()
    models = task.sim.physics.engine.models
    assert len({id(m) for m in models}) == 4
    np.testing.assert_allclose(np.diff([m.body_mass.sum() for m in models]), 0.5, atol=1e-6)
    foot = models[0].geom("a0/FR").id
    # The average of the shape's coefficient and the ground's, as PhysX combines them.
    assert [m.geom_friction[foot, 0] for m in models] == pytest.approx([0.75, 0.875, 1.0, 1.125])


def test_a_fallen_robot_is_reset_alone(robot):
    task = robot()
    for _ in range(20):
        task.step(torch.zeros(4, 12))
    task.root_states[1, 3:7] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    task.root_states[1, 2] = 0.12
    task.gym.set_actor_root_state_tensor(task.sim, np.ascontiguousarray(task.root_states.numpy()))
    resets = torch.zeros(4, dtype=torch.long)
    for _ in range(10):
        resets += task.step(torch.zeros(4, 12))[3]
    assert resets[1] >= 1 and resets[[0, 2, 3]].sum() == 0
    assert task.episode_length_buf.tolist()[0] == 30


def test_a_push_moves_the_robots(robot):
    task = robot()
    for _ in range(20):
        task.step(torch.zeros(4, 12))
    before = task.root_states[:, 0].clone()
    task.push(0.5)
    for _ in range(10):
        task.step(torch.zeros(4, 12))
    assert ((task.root_states[:, 0] - before) > 0.02).all()


def test_go1_stands_on_a_height_field(robot):
    grid = np.full((60, 60), 40, dtype=np.int16)  # 0.2 m above the origin, from -2 m to 3.9 m
    task = robot(num_envs=2, terrain=grid)
    task.start[:, 2] += 0.2
    task.reset_idx(torch.arange(2))
    for _ in range(60):
        reset = task.step(torch.zeros(2, 12))[3]
    assert not reset.any()
    assert ((task.root_states[:, 2] > 0.4) & (task.root_states[:, 2] < 0.55)).all()
    np.testing.assert_allclose(task.root_states[1, 0], 0.0, atol=0.1)


def test_cartpole_resets_one_step_late_and_becomes_a_gymnasium_environment(isaacgym, tmp_path):
    task = load("cartpole").Cartpole(4, tmp_path, max_episode_length=10)
    env = ReverseEnv(task)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    env.reset()
    flags = [env.step(np.zeros((4, 1)))[3].all() for _ in range(21)]
    # Reset in step 0; nine steps later the limit; reset in the one after.
    assert [i for i, flag in enumerate(flags) if flag] == [9, 19]
    task.gym.destroy_sim(task.sim)


def test_cartpole_accelerates_as_the_equations_of_motion_say(isaacgym, tmp_path):
    """Hanging straight up at rest, one step: (M + m) x'' + m l q'' = F, m l x'' + (I + m l^2) q'' = m g l sin q = 0."""
    task = load("cartpole").Cartpole(1, tmp_path)
    task.step(torch.zeros(1, 1))
    task.dof_state[:] = 0.0
    task.gym.set_dof_state_tensor(task.sim, task.dof_state.numpy())
    task.step(torch.full((1, 1), 0.05))
    # Forward along y turns the pole's top backwards about +x with a positive sign.
    mass, length, inertia, force, duration = 1.0, 0.47, 0.075, 5.0, 0.0166
    matrix = np.array([[2 * mass, -mass * length], [-mass * length, inertia + mass * length**2]])
    expected = np.linalg.solve(matrix, [force, 0.0]) * duration
    np.testing.assert_allclose(task.vel[0], expected, rtol=0.02)
    task.gym.destroy_sim(task.sim)


def test_module_runs_a_script(capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    from sim.isaacgym import uninstall

    try:
        assert main([str(SCRIPTS / "cartpole.py"), "2"]) == 0
    finally:
        uninstall()
    assert "mean return of 20 steps" in capsys.readouterr().out
    assert main([]) == 2 and main(["missing.py"]) == 2 and main(["--help"]) == 0
