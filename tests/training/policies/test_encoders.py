import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from sim.robots import panda
from sim.tasks.pick_place.geometry import cube_yaw, tool_yaw
from training.contracts.registry import task_contract
from training.policies.encoders import TabletopEncoder, planar_yaw_features

STATE, ENVIRONMENT = TabletopEncoder.STATE, TabletopEncoder.ENVIRONMENT


@pytest.fixture(scope="module")
def encoder():
    return task_contract("panda_pick_place").make_encoder()


def observation(batch=5, history=2, seed=0):
    rng = np.random.default_rng(seed)
    state = panda.HOME + 0.1 * rng.normal(size=(batch, history, 8))
    yaw = rng.uniform(-np.pi, np.pi, size=(batch, history))
    environment = np.zeros((batch, history, 14))
    environment[..., 0:3] = rng.uniform((0.4, -0.2, 0.02), (0.6, 0.2, 0.1), size=(batch, history, 3))
    environment[..., 3:7] = Rotation.from_rotvec(np.outer(yaw, (0, 0, 1))).as_quat().reshape(batch, history, 4)
    environment[..., 7:10] = rng.uniform((0.4, -0.2, 0.0), (0.6, 0.2, 0.0), size=(batch, history, 3))
    environment[..., 13] = 1.0
    return {
        STATE: torch.tensor(state, dtype=torch.float32),
        ENVIRONMENT: torch.tensor(environment, dtype=torch.float32),
    }


def turned(values, rotation):
    """The same situation with the cube rotated by ``rotation`` in its own frame."""
    changed = values[ENVIRONMENT].clone()
    quat = changed[..., 3:7].reshape(-1, 4).double().numpy()
    changed[..., 3:7] = torch.tensor((Rotation.from_quat(quat) * rotation).as_quat()).view(changed[..., 3:7].shape)
    return {STATE: values[STATE], ENVIRONMENT: changed.float()}


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_quarter_turn_of_the_cube_changes_nothing(encoder, quarters):
    values = observation()
    same = turned(values, Rotation.from_euler("z", quarters * np.pi / 2))
    torch.testing.assert_close(encoder(same), encoder(values), atol=5e-6, rtol=0)


def test_an_eighth_turn_changes_the_yaw_features(encoder):
    values = observation()
    other = turned(values, Rotation.from_euler("z", np.pi / 4))
    assert (encoder(other) - encoder(values)).abs().amax(1).min() > 0.5


def test_the_sign_of_a_quaternion_changes_nothing(encoder):
    values = observation()
    flipped = values[ENVIRONMENT].clone()
    flipped[..., 3:7] *= -1.0
    assert torch.equal(encoder({STATE: values[STATE], ENVIRONMENT: flipped}), encoder(values))


def test_samples_of_a_batch_do_not_mix(encoder):
    values = observation(batch=6)
    whole = encoder(values)
    for row in range(6):
        alone = encoder({name: value[row : row + 1] for name, value in values.items()})
        torch.testing.assert_close(whole[row : row + 1], alone, atol=1e-6, rtol=0)


def test_features_of_one_step_by_the_simulators_geometry(encoder):
    values = observation(batch=3)
    features = encoder(values).view(3, 2, -1)
    assert features.shape[1] * features.shape[2] == encoder.size
    tool, rotation = encoder.kinematics(values[STATE][..., :7])
    cube, goal = values[ENVIRONMENT][..., 0:3], values[ENVIRONMENT][..., 7:10]
    torch.testing.assert_close(features[..., :8], values[STATE])
    torch.testing.assert_close(features[..., 8:11], tool)
    torch.testing.assert_close(features[..., 17:32], torch.cat([cube, goal, cube - tool, goal - cube, goal - tool], -1))
    for row in range(3):
        cube_angle = cube_yaw(values[ENVIRONMENT][row, 1, 3:7].numpy())
        tool_angle = tool_yaw(Rotation.from_matrix(rotation[row, 1].numpy()).as_quat())
        for angle, columns in ((cube_angle, slice(32, 34)), (cube_angle - tool_angle, slice(34, 36))):
            expected = [np.cos(4 * angle), np.sin(4 * angle)]
            np.testing.assert_allclose(features[row, 1, columns], expected, atol=2e-5)


def test_yaw_of_a_tilted_cube_is_that_of_its_x_axis(encoder):
    values = turned(observation(batch=4), Rotation.from_rotvec([0.3, -0.2, 0.1]))
    features = encoder(values).view(4, 2, -1)[..., 32:34]
    axis = Rotation.from_quat(values[ENVIRONMENT][..., 3:7].reshape(-1, 4).numpy()).as_matrix()[:, :, 0]
    angle = np.arctan2(axis[:, 1], axis[:, 0])
    expected = np.stack([np.cos(4 * angle), np.sin(4 * angle)], axis=-1).reshape(4, 2, 2)
    np.testing.assert_allclose(features, expected, atol=2e-5)


@pytest.mark.parametrize("symmetry", [1, 2, 4, 8])
def test_yaw_features_are_multiples_of_the_angle(symmetry):
    yaw = torch.linspace(-3.0, 3.0, 13, dtype=torch.float64)
    features = planar_yaw_features(3.0 * yaw.cos(), 3.0 * yaw.sin(), symmetry)  # need not be normalised
    expected = torch.stack([(symmetry * yaw).cos(), (symmetry * yaw).sin()], dim=-1)
    torch.testing.assert_close(features, expected)


def test_a_cube_standing_on_its_side_gives_finite_features(encoder):
    on_side = turned(observation(), Rotation.from_euler("y", np.pi / 2))
    assert encoder(on_side).isfinite().all()
