"""The strategy by hand-made views: one phase per arm, whatever happened before."""

from dataclasses import replace

import numpy as np
import pytest

from sim.robots import aloha
from sim.robots.aloha_arm import ToolPose
from sim.tasks.aloha_transfer.strategy import DOWN, HANDOVER, LEFT_ROLL, OPEN, Hand, Phase, View, decide, home

HALF = 0.02
AROUND_CUBE = aloha.CLOSED_FINGER + HALF - 0.001
ON_TABLE = np.array([0.12, 0.03, HALF])


def hand(position, pitch=0.0, roll=0.0, finger=OPEN):
    return Hand(ToolPose(np.asarray(position, dtype=float), pitch, roll), finger)


def view(left=None, right=None, cube=ON_TABLE, yaw=0.0):
    left = left if left is not None else Hand(home("left"), OPEN)
    right = right if right is not None else Hand(home("right"), OPEN)
    return View(left, right, np.asarray(cube, dtype=float), yaw, HALF)


def phases(seen):
    return tuple(aim.phase for aim in decide(seen).values())


def test_at_first_the_right_arm_fetches_and_the_left_waits_where_the_cube_will_come():
    aims = decide(view())
    assert phases(view()) == (Phase.WAIT, Phase.APPROACH)
    assert aims["right"].pose.pitch == DOWN and aims["right"].pose.position[2] == pytest.approx(HALF + 0.10)
    np.testing.assert_allclose(aims["left"].pose.position, HANDOVER - [0.10, 0, 0])
    assert aims["left"].open_gripper and aims["right"].open_gripper


@pytest.mark.parametrize("yaw", [-0.7, 0.0, 0.4])
def test_the_fingers_of_a_gripper_that_points_down_are_square_to_the_cube(yaw):
    roll = decide(view(yaw=yaw))["right"].pose.roll
    bearing = np.arctan2(0.03 + 0.019, 0.12 - 0.469)
    # Fingers open along y of the tool: at pitch pi/2 and roll r that is the bearing plus a quarter turn minus r.
    across = bearing + np.pi / 2 - roll
    assert np.sin(2 * (across - yaw)) == pytest.approx(0.0, abs=1e-9)
    assert abs(roll) <= np.pi / 4 + 1e-9


def test_over_the_cube_it_closes_and_with_the_cube_it_lifts_and_only_then_turns():
    over = hand(ON_TABLE, DOWN, decide(view())["right"].pose.roll)
    assert phases(view(right=over)) == (Phase.WAIT, Phase.GRASP)
    held = decide(view(right=replace(over, finger=AROUND_CUBE)))["right"]
    assert held.phase is Phase.CARRY and held.pose.pitch == DOWN and held.pose.position[2] > 0.12
    assert not held.open_gripper
    up = np.add(ON_TABLE, (0.0, 0.0, 0.1))
    carried = decide(view(right=hand(up, DOWN, finger=AROUND_CUBE), cube=up))["right"]
    np.testing.assert_array_equal(carried.pose.position, HANDOVER)
    assert carried.pose.pitch == 0.0


def test_the_left_arm_comes_from_behind_once_the_cube_is_offered():
    offering = hand(HANDOVER, finger=AROUND_CUBE)
    far = hand(HANDOVER - np.array([0.1, 0.02, 0.0]), 0.0, LEFT_ROLL)
    aims = decide(view(left=far, right=offering, cube=HANDOVER))
    assert (aims["left"].phase, aims["right"].phase) == (Phase.APPROACH, Phase.OFFER)
    assert aims["left"].pose.position[0] == pytest.approx(HANDOVER[0] - 0.09)
    at = hand(HANDOVER, 0.0, LEFT_ROLL)
    assert phases(view(left=at, right=offering, cube=HANDOVER)) == (Phase.GRASP, Phase.OFFER)


def test_held_by_both_the_right_hand_lets_go_and_then_withdraws():
    left = hand(HANDOVER, 0.0, LEFT_ROLL, AROUND_CUBE)
    assert phases(view(left, hand(HANDOVER, finger=AROUND_CUBE), HANDOVER)) == (Phase.HOLD, Phase.RELEASE)
    aims = decide(view(left, hand(HANDOVER, finger=OPEN), HANDOVER))
    assert aims["right"].phase is Phase.RETREAT and aims["right"].pose.position[0] > HANDOVER[0] + 0.1
    assert not aims["left"].open_gripper and aims["right"].open_gripper


def test_fingers_that_closed_on_nothing_open_again_away_from_the_cube():
    missed = hand(ON_TABLE + np.array([0.02, 0.0, 0.0]), DOWN, 0.0, aloha.CLOSED_FINGER)
    aims = decide(view(right=missed))
    assert aims["right"].phase is Phase.REOPEN and aims["right"].open_gripper
    assert aims["right"].pose.position[2] > missed.tool.position[2]
    left = hand(HANDOVER + np.array([0.0, 0.03, 0.0]), 0.0, LEFT_ROLL, aloha.CLOSED_FINGER)
    assert phases(view(left, hand(HANDOVER, finger=AROUND_CUBE), HANDOVER)) == (Phase.REOPEN, Phase.OFFER)


def test_a_cube_that_was_dropped_on_the_way_is_fetched_again():
    assert phases(view(right=hand(HANDOVER, finger=OPEN))) == (Phase.WAIT, Phase.APPROACH)
