import pytest
import torch

from training.policies.rdp.latent_policy import LatentPolicy
from training.policies.rdp.tokenizer import AsymmetricTokenizer, TokenizerConfig

CONFIG = TokenizerConfig(horizon=8, reactive_dim=2, hidden=8, embed=3, latent=2)


@pytest.fixture
def tokenizer():
    torch.manual_seed(0)
    return AsymmetricTokenizer(CONFIG).eval()


def test_an_action_depends_on_what_was_felt_before_it_and_not_on_what_comes(tokenizer):
    tokens, felt = torch.randn(1, 3, 2), torch.randn(1, 8, 2)
    before = tokenizer.decode(tokens, felt)
    later = felt.clone()
    later[:, 5:] += 1.0
    after = tokenizer.decode(tokens, later)
    assert torch.equal(before[:, :5], after[:, :5])
    assert (before[:, 5:] - after[:, 5:]).abs().min() > 1e-4
    earlier = felt.clone()
    earlier[:, 0] += 1.0
    assert (before - tokenizer.decode(tokens, earlier)).abs().min() > 1e-6


def test_the_latent_has_the_published_shape_and_no_touch_in_it(tokenizer):
    mean, log_variance = tokenizer.encode(torch.randn(5, 8, 1))
    assert mean.shape == log_variance.shape == (5, 3, 2)
    assert TokenizerConfig().tokens == 8
    with pytest.raises(ValueError, match="multiple of 4"):
        AsymmetricTokenizer(TokenizerConfig(horizon=10))


def test_the_loss_is_reconstruction_and_divergence(tokenizer):
    actions, felt = torch.randn(4, 8, 1), torch.randn(4, 8, 2)
    mean, log_variance = tokenizer.encode(actions)
    tokens = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=torch.Generator().manual_seed(3))
    divergence = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, torch.exp(0.5 * log_variance)), torch.distributions.Normal(0.0, 1.0)
    )
    expected = (tokenizer.decode(tokens, felt) - actions).abs().mean() + 1e-6 * divergence.sum(dim=(1, 2)).mean()
    assert torch.allclose(tokenizer.loss(actions, felt, torch.Generator().manual_seed(3)), expected)


def test_the_slow_policy_leaves_the_tokenizer_alone(tokenizer):
    policy = LatentPolicy(tokenizer, observation_dim=3, width=16, depth=1)
    policy.fit_statistics(torch.randn(32, 8, 1))
    policy.loss(torch.randn(4, 3), torch.randn(4, 8, 1)).backward()
    assert all(weight.grad is None for weight in tokenizer.parameters())
    assert policy.denoiser.output.weight.grad is not None
    assert policy(torch.randn(2, 3), torch.randn(2, 2, 3)).shape == (2, 3, 2)


def test_latents_are_normalised_by_what_the_policy_learns_to_sample(tokenizer):
    policy, actions = LatentPolicy(tokenizer, observation_dim=3, width=16, depth=1), torch.randn(4000, 8, 1)
    policy.fit_statistics(actions)
    with torch.no_grad():
        mean, log_variance = tokenizer.encode(actions)
        sampled = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape)
    normalised = policy.latent_normalizer(sampled)
    assert normalised.mean(0).abs().max() < 0.1
    assert (normalised.std(0) - 1.0).abs().max() < 0.1
