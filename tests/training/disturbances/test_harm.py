import math
from types import SimpleNamespace

import mujoco
import numpy as np

from training.disturbances.harm import HarmWatch, contact_force, falls, geoms_of

BOX = """
<mujoco><worldbody>
  <geom name="floor" type="plane" size="1 1 0.1"/>
  <body name="box" pos="0 0 0.0999"><freejoint/><geom name="cube" type="box" size="0.1 0.1 0.1" mass="2"/></body>
  <body name="far" pos="3 0 1"><geom name="other" type="sphere" size="0.1"/></body>
</worldbody></mujoco>
"""


def test_a_resting_box_presses_with_its_weight():
    model = mujoco.MjModel.from_xml_string(BOX)
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, nstep=500)
    box = geoms_of(model, lambda body, _: body == "box")
    floor = geoms_of(model, lambda _, geom: geom == "floor")
    far = geoms_of(model, lambda body, _: body == "far")
    assert box.tolist() == [False, True, False] and floor.tolist() == [True, False, False]
    assert abs(contact_force(model, data, box, floor) - 2 * 9.81) < 0.2
    assert contact_force(model, data, floor, box) == contact_force(model, data, box, floor)
    assert contact_force(model, data, box, far) == contact_force(model, data, far, floor) == 0.0


def test_falling_is_fast_and_above_the_support():
    assert falls(0.10, 0.02, -0.8)
    assert not falls(0.10, 0.02, -0.5)  # lowered
    assert not falls(0.025, 0.02, -0.8)  # settling on its support
    assert not falls(0.10, 0.02, 0.8)


def test_the_watch_keeps_the_first_harm():
    watch = HarmWatch(lambda world: world.harm)
    watch.look(SimpleNamespace(harm=""), 0.1)
    assert watch.what == "" and math.isnan(watch.at)
    for harm, time in (("drop", 0.2), ("collision", 0.3), ("", 0.4)):
        watch.look(SimpleNamespace(harm=harm), time)
    assert (watch.what, watch.at) == ("drop", 0.2)
    watch.reset()
    assert watch.what == "" and np.isnan(watch.at)
