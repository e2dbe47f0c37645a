import pytest
import torch

from policy_nodes.errors import ConfigError, ContractError
from training.contracts.registry import task_contract
from training.imitation.build import build_policy, build_sampler
from training.imitation.trainer import to_tensors
from training.policies.flow_policy import FlowPolicyConfig
from training.policies.normalizer import STD_FLOOR


@pytest.fixture
def policy(small_config):
    torch.manual_seed(0)
    return build_policy(task_contract("panda_pick_place"), small_config.policy).eval()


@pytest.fixture(scope="module")
def windows(dataset, small_config):
    sampler = build_sampler(dataset, task_contract("panda_pick_place"), small_config)
    return to_tensors(sampler.gather(sampler.frames("train")[::5]))


def randomise(policy):
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return policy


def test_untrained_policy_answers_the_joints_plus_the_mean_target(policy, windows):
    """The network is zero at first, so a chunk is reference + mean + std * noise: relative joints are exact."""
    observation, action, is_pad = windows
    policy.fit_statistics(observation, action, is_pad)
    noise = torch.zeros(len(action), 16, 8)
    chunk, embedding = policy(observation, noise)
    latest = observation["observation.state"][:, -1]
    assert embedding.shape == (len(action), 8)
    mean = policy.action_normalizer.mean
    torch.testing.assert_close(chunk[..., :7], latest[:, None, :7] + mean[:, :7])
    torch.testing.assert_close(chunk[..., 7], mean[:, 7].expand(len(action), 16))  # the gripper's target is absolute
    noisy, _ = policy(observation, noise + 1.0)
    torch.testing.assert_close(noisy - chunk, policy.action_normalizer.std.expand_as(chunk), atol=1e-6, rtol=1e-4)


def test_relative_targets_follow_the_measured_joints(policy, windows):
    observation, action, _ = windows
    moved = {name: value.clone() for name, value in observation.items()}
    moved["observation.state"][:, -1] += 0.1
    shift = policy.to_relative(moved, action) - policy.to_relative(observation, action)
    torch.testing.assert_close(shift[..., :7], torch.full_like(shift[..., :7], -0.1), atol=1e-6, rtol=0)
    assert torch.equal(shift[..., 7], torch.zeros_like(shift[..., 7]))


def test_statistics_are_those_of_the_data_without_padding(policy, windows):
    observation, action, is_pad = windows
    policy.fit_statistics(observation, action, is_pad)
    relative = policy.to_relative(observation, action)
    step, joint = 15, 3
    kept = relative[~is_pad[:, step], step, joint]
    assert 0 < is_pad[:, step].sum() < len(kept)
    assert float(policy.action_normalizer.mean[step, joint]) == pytest.approx(float(kept.mean()), abs=1e-6)
    assert float(policy.action_normalizer.std[step, joint]) == pytest.approx(float(kept.std()), rel=1e-4)
    poisoned = torch.where(is_pad.unsqueeze(-1), torch.full_like(action, 1e3), action)
    policy.fit_statistics(observation, poisoned, is_pad)
    assert float(policy.action_normalizer.mean[step, joint]) == pytest.approx(float(kept.mean()), abs=1e-6)


def test_a_single_sample_is_its_own_mean(policy, windows):
    """A chunk step that only one window reaches is neither halved nor divided by zero."""
    observation, action, is_pad = (
        {name: value[:3] for name, value in windows[0].items()}, windows[1][:3], windows[2][:3].clone()
    )  # fmt: skip
    is_pad[:] = False
    is_pad[1:, 15] = True
    policy.fit_statistics(observation, action, is_pad)
    expected = policy.to_relative(observation, action)[0, 15]
    torch.testing.assert_close(policy.action_normalizer.mean[15], expected)
    assert torch.equal(policy.action_normalizer.std[15], torch.full((8,), STD_FLOOR))


def test_observations_enter_normalised(policy, windows):
    observation, action, is_pad = windows
    policy.fit_statistics(observation, action, is_pad)
    features = policy.observation_normalizer(policy.encoder(observation))
    assert features.mean(0).abs().max() < 1e-2
    assert (features.std(0) < 1.01).all()


def test_without_statistics_it_is_refused_and_answers_nan(policy, windows):
    with pytest.raises(ContractError, match="'observation' has no statistics"):
        policy.require_statistics()
    chunk, _ = policy(windows[0], torch.zeros(len(windows[1]), 16, 8))
    assert chunk.isnan().all()


def test_same_noise_same_chunk_other_noise_other_chunk(policy, windows):
    randomise(policy).fit_statistics(*windows)
    one = {name: value[:1].expand(3, -1, -1) for name, value in windows[0].items()}
    noise = torch.randn(3, 16, 8, generator=torch.Generator().manual_seed(0))
    noise[1] = noise[0]
    chunk, embedding = policy(one, noise)
    torch.testing.assert_close(chunk[0], chunk[1])
    assert (chunk[0] - chunk[2]).abs().max() > 1e-3
    torch.testing.assert_close(embedding[0], embedding[2])


def test_the_number_of_network_evaluations_is_the_configured_one(windows):
    """Counted in the code, not inferred from the configuration (digest 19.3)."""
    for steps in (1, 4):
        config = FlowPolicyConfig(embedding_size=8, width=16, depth=1, sampling_steps=steps)
        policy = build_policy(task_contract("panda_pick_place"), config)
        calls = []
        policy.denoiser.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        policy(windows[0], torch.zeros(len(windows[1]), 16, 8))
        assert len(calls) == steps


def test_loss_reaches_every_parameter(policy, windows):
    randomise(policy).fit_statistics(*windows)
    policy.loss(*windows).backward()
    without = [name for name, parameter in policy.named_parameters() if parameter.grad is None]
    assert without == []


@pytest.mark.parametrize("name", ["horizon", "sampling_steps", "width", "depth"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ConfigError, match=name.replace("_", "-")):
        FlowPolicyConfig(**{name: 0})
