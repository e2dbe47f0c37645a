import dataclasses

import pytest

from sim.tasks.pick_place.config import PickPlaceConfig, Region


@pytest.mark.parametrize(
    ("xy", "inside"),
    [((0.5, 0.0), True), ((0.4, 0.2), True), ((0.39, 0.0), False), ((0.5, -0.21), False), ((0.6, 0.2), False)],
)
def test_a_region_is_a_rectangle_cut_by_a_ring(xy, inside):
    region = Region(x=(0.4, 0.6), y=(-0.2, 0.2), reach=(0.3, 0.62))  # (0.6, 0.2) lies 0.632 m away
    assert region.contains(xy) is inside


def test_there_is_reachable_table_on_both_sides_outside_the_training_region():
    config = PickPlaceConfig()
    for y in (-0.40, 0.40):
        assert config.reachable_region.contains((0.45, y))
        assert not config.training_region.contains((0.45, y))
    half_x, half_y = config.table_half_size
    assert config.reachable_region.y[1] < half_y
    assert config.reachable_region.x[1] < config.table_centre_x + half_x


def test_the_reachable_region_holds_the_training_region():
    config = PickPlaceConfig()
    for x in config.training_region.x:
        for y in config.training_region.y:
            assert config.reachable_region.contains((x, y))


def test_a_control_period_is_ten_physics_steps_and_the_config_is_frozen():
    config = PickPlaceConfig()
    assert round(config.timing.control_dt / config.timing.physics_dt) == 10
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.goal_tolerance = 1.0
