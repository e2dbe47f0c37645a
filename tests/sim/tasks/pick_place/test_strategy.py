import dataclasses

import numpy as np
import pytest

from sim.tasks.pick_place.config import PickPlaceConfig
from sim.tasks.pick_place.strategy import Phase, StrategyConfig, View, decide, is_at_goal, is_held

TASK, CONFIG = PickPlaceConfig(), StrategyConfig()
HALF = TASK.cube.half_size
CUBE = np.array([0.5, 0.1, HALF])
GOAL = np.array([0.45, -0.15])
START = View(np.array([0.31, 0.0, 0.48]), 0.0, 0.04, CUBE, 0.2, 0.0, GOAL)
AT_CUBE = dataclasses.replace(START, tool=CUBE.copy(), tool_yaw=0.2)
HOLDING = dataclasses.replace(AT_CUBE, finger=HALF - 0.0003)


def view(base, **changes):
    return dataclasses.replace(base, **changes)


def lifted(base, height, xy=None):
    where = np.array([*(CUBE[:2] if xy is None else xy), HALF + height])
    return view(base, tool=where, cube=where.copy())


def test_from_home_it_approaches_with_open_fingers_towards_the_cube_and_turns_to_its_sides():
    intent = decide(START, TASK, CONFIG)
    assert intent.phase is Phase.APPROACH and intent.open_gripper
    direction = (CUBE - START.tool)[:2]
    assert intent.linear[:2] @ direction == pytest.approx(np.linalg.norm(intent.linear[:2]) * np.linalg.norm(direction))
    assert intent.linear[2] < 0
    assert intent.yaw == pytest.approx(0.2)


def test_a_low_tool_beside_the_cube_rises_before_it_moves_sideways():
    intent = decide(view(START, tool=CUBE + np.array([0.10, 0.0, 0.0])), TASK, CONFIG)
    assert intent.phase is Phase.APPROACH
    assert np.allclose(intent.linear[:2], 0.0) and intent.linear[2] > 0.2


def test_it_hovers_over_a_cube_whose_yaw_is_not_yet_met_and_over_a_moving_one():
    over = view(START, tool=CUBE + np.array([0.0, 0.0, CONFIG.hover]), cube_yaw=0.7, tool_yaw=0.0)
    assert decide(over, TASK, CONFIG).linear[2] == pytest.approx(0.0, abs=1e-9)
    moving = view(over, cube_yaw=0.0, cube_speed=0.5)
    assert decide(moving, TASK, CONFIG).linear[2] == pytest.approx(0.0, abs=1e-9)
    still = view(over, cube_yaw=0.0)
    assert decide(still, TASK, CONFIG).linear[2] < -0.1


def test_around_the_cube_it_closes_and_the_window_is_wider_once_the_fingers_move():
    assert decide(AT_CUBE, TASK, CONFIG).phase is Phase.GRASP
    assert not decide(AT_CUBE, TASK, CONFIG).open_gripper
    aside = view(AT_CUBE, tool=CUBE + 0.012 * np.array([-np.sin(0.2), np.cos(0.2), 0.0]))
    assert decide(aside, TASK, CONFIG).phase is Phase.APPROACH
    assert decide(view(aside, finger=0.035), TASK, CONFIG).phase is Phase.GRASP


def test_holding_is_seen_in_the_finger_position():
    assert is_held(HOLDING, TASK)
    assert not is_held(AT_CUBE, TASK)
    assert not is_held(view(HOLDING, finger=0.0), TASK)
    assert not is_held(view(HOLDING, tool=CUBE + np.array([0.0, 0.0, 0.03])), TASK)
    assert not is_held(view(HOLDING, tool=CUBE + np.array([0.03, 0.0, 0.0])), TASK)


def test_a_held_cube_is_lifted_straight_then_carried_then_lowered_over_the_goal():
    lift = decide(HOLDING, TASK, CONFIG)
    assert lift.phase is Phase.CARRY and np.allclose(lift.linear[:2], 0.0) and lift.linear[2] > 0.2
    carry = decide(lifted(HOLDING, CONFIG.carry), TASK, CONFIG)
    assert np.linalg.norm(carry.linear[:2]) > 0.3 and abs(carry.linear[2]) < 1e-9
    assert carry.linear[:2] @ (GOAL - CUBE[:2]) > 0
    lower = decide(lifted(HOLDING, CONFIG.carry, GOAL), TASK, CONFIG)
    assert np.allclose(lower.linear[:2], 0.0) and lower.linear[2] < -0.2
    assert not (lift.open_gripper or carry.open_gripper or lower.open_gripper)


def test_at_the_goal_it_opens_standing_still_and_then_rises_and_goes_home():
    placed = view(lifted(HOLDING, 0.002, GOAL))
    assert is_at_goal(placed, TASK)
    release = decide(placed, TASK, CONFIG)
    assert release.phase is Phase.RELEASE and release.open_gripper and not release.linear.any() and release.home == 0
    opened = decide(view(placed, finger=0.035), TASK, CONFIG)
    assert opened.phase is Phase.RETREAT and opened.linear[2] > 0.1 and opened.home == 0
    high = view(placed, finger=0.04, tool=np.array([*GOAL, 0.2]))
    assert decide(high, TASK, CONFIG).home == 1.0


@pytest.mark.parametrize(
    ("offset", "height", "expected"), [(0.011, 0.003, True), (0.013, 0.003, False), (0.0, 0.006, False)]
)
def test_being_at_the_goal_leaves_margin_to_the_task_tolerance(offset, height, expected):
    cube = np.array([GOAL[0] + offset, GOAL[1], HALF + height])
    assert is_at_goal(view(START, cube=cube), TASK) is expected
    assert TASK.goal_tolerance > 0.013


def test_fingers_closed_beside_the_cube_open_while_rising():
    missed = view(AT_CUBE, tool=CUBE + np.array([0.04, 0.0, 0.0]), finger=0.0)
    intent = decide(missed, TASK, CONFIG)
    assert intent.phase is Phase.REOPEN and intent.open_gripper and intent.linear[2] > 0


def test_a_cube_out_of_reach_is_waited_for_at_home():
    for cube in ([0.9, 0.0, HALF], [0.2, 0.0, HALF], [0.5, 0.0, -0.7]):
        intent = decide(view(START, cube=np.array(cube)), TASK, CONFIG)
        assert intent.phase is Phase.WAIT and intent.open_gripper and intent.home == 1.0


def test_it_has_no_memory():
    decide(HOLDING, TASK, CONFIG)
    again = decide(START, TASK, CONFIG)
    np.testing.assert_array_equal(again.linear, decide(START, TASK, CONFIG).linear)
