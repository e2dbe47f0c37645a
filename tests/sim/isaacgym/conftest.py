import pytest

from sim.isaacgym import install, uninstall


@pytest.fixture
def isaacgym():
    """The served module, taken away again afterwards."""
    yield install()
    uninstall()


@pytest.fixture
def make_sim(isaacgym):
    """Builds a simulation of boxes; closed at the end."""
    gymapi = isaacgym.gymapi
    gym = gymapi.acquire_gym()
    made = []

    def make(dt=0.005, gravity=(0.0, 0.0, -9.81), ground=True):
        params = gymapi.SimParams(dt=dt, substeps=1, gravity=gymapi.Vec3(*gravity), up_axis=gymapi.UP_AXIS_Z)
        params.physx.num_threads = 1
        made.append(gym.create_sim(0, 0, gymapi.SIM_PHYSX, params))
        if ground:
            gym.add_ground(made[-1], gymapi.PlaneParams())
        return gym, made[-1]

    yield make
    for sim in made:
        gym.destroy_sim(sim)
