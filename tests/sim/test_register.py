import subprocess
import sys

import gymnasium

import sim


def test_registering_twice_leaves_one_entry_that_makes_the_environment():
    sim.register()
    sim.register()
    spec = gymnasium.spec(sim.PICK_PLACE_ENV)
    assert spec.max_episode_steps == 750
    assert spec.entry_point == "sim.tasks.pick_place.env:PandaPickPlaceEnv"


def test_importing_and_registering_loads_neither_mujoco_nor_a_trainer():
    heavy = ("mujoco", "mink", "torch", "training")
    code = f"import sys, sim; sim.register(); print([m for m in {heavy} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
