import pytest
import torch

from policy_nodes.errors import ConfigError
from tests.training.policies.test_chunk_policy import policy, windows
from training.policies.config import ExpertConfig
from training.policies.growth import grow, grown_config


def two_tasks():
    return policy(objective="ddpm_epsilon", backbone="sdp", tasks=2, experts=ExpertConfig(count=3)).eval()


@torch.no_grad()
def chunks(made, task):
    observation, *_ = windows()
    given = {**observation, "task": torch.eye(3)[task].expand(16, 3)}
    noise = torch.randn(16, made.noise_rows, 4, generator=torch.Generator().manual_seed(2))
    was, answer = made.training, made.eval()(given, noise)
    made.train(was)
    return answer


def test_a_new_task_is_learned_and_old_chunks_stay_bit_for_bit():
    made = two_tasks()
    before = [chunks(made, task) for task in (0, 1)]
    grow(made)
    assert made.training and made.config.experts.grown == 1
    trained = {name for name, p in made.named_parameters() if p.requires_grad}
    assert trained and all("experts.bank.experts" in name or "routers.2" in name for name in trained)
    optimizer = torch.optim.AdamW(made.parameters(), lr=0.01, weight_decay=0.1)
    observation, action, is_pad = windows()
    observation = {**observation, "task": torch.eye(3)[2].expand(16, 3)}
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = made.loss(observation, action, is_pad, torch.Generator().manual_seed(0))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    for old, task in zip(before, (0, 1), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(chunks(made, task), old, strict=True))


def test_the_grown_configuration_builds_the_grown_network():
    made = grow(two_tasks())
    again = policy(objective="ddpm_epsilon", backbone="sdp", tasks=2, experts=made.config.experts)
    again.load_state_dict(made.state_dict())
    trained = [{name for name, p in m.named_parameters() if p.requires_grad} for m in (made, again)]
    assert trained[0] == trained[1]


def test_what_cannot_grow_is_refused():
    with pytest.raises(ConfigError, match="backbone is mlp, only sdp grows"):
        grown_config(policy().config)
    with pytest.raises(ConfigError, match="knows 3 tasks already, and its task identity tells 3"):
        grow(grow(two_tasks()))
