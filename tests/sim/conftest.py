import pytest

from sim.tasks.pick_place.world import PickPlaceWorld


@pytest.fixture(scope="session")
def shared_world():
    """One compiled world for the whole session; every test that uses it starts with its own reset."""
    return PickPlaceWorld(seed=0)


@pytest.fixture
def world(shared_world):
    shared_world.reset(0)
    return shared_world
