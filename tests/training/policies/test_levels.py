"""Levels that a sampler visits, and embeddings replaced by a table of them."""

import pytest
import torch

from tests.training.policies.test_chunk_policy import policy, windows
from training.policies.backbones.attention import LevelToken
from training.policies.levels import LevelTable, sampled_levels, tabulate_levels

CASES = [
    ({"objective": "flow", "sampler": "euler", "sampling_steps": 4}, [0.0, 0.25, 0.5, 0.75]),
    ({"objective": "flow", "sampler": "midpoint", "sampling_steps": 2}, [0.0, 0.25, 0.5, 0.75]),
    ({"objective": "ddpm_v", "sampling_steps": 4}, [1.0, 0.67, 0.34, 0.01]),
    ({"objective": "consistency", "sampling_steps": 1}, [1.0]),
    ({"objective": "edm", "sampler": "ddim", "time_grid": "exponential", "sampling_steps": 3}, [1.0, 0.5, 0.0]),
    ({"objective": "edm", "sampler": "heun", "time_grid": "exponential", "sampling_steps": 3}, [1.0, 0.5, 0.0]),
]


@pytest.mark.parametrize(("options", "expected"), CASES)
def test_levels_by_hand(options, expected):
    assert sampled_levels(policy(**options)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"objective": "flow", "backbone": "mlp"},
        {"objective": "edm", "backbone": "transformer", "sampler": "heun", "sampling_steps": 3},
        {"objective": "shortcut", "backbone": "mlp", "sampling_steps": 4},
        {"objective": "ddpm_epsilon", "backbone": "unet", "sampling_steps": 3},
    ],
)
@torch.no_grad()
def test_a_tabulated_policy_draws_the_same_chunks_without_its_embedding(options):
    made = policy(**options).eval()
    observation, *_ = windows(3)
    noise = torch.randn(3, made.noise_rows, 4, generator=torch.Generator().manual_seed(0))
    before, _ = made(observation, noise)
    tabulate_levels(made.denoiser, sampled_levels(made))
    tables = [module for module in made.denoiser.modules() if isinstance(module, LevelTable)]
    assert tables and all(table.table.shape[0] == len(sampled_levels(made)) for table in tables)
    after, _ = made(observation, noise)
    torch.testing.assert_close(after, before)
    with pytest.raises(KeyError):  # a level that is not in the table is no silent neighbour
        made.evaluate(torch.zeros(1, 8, 4), 0.123456, torch.zeros(1, made.layout.size))


def test_a_table_holds_what_the_embedding_answers():
    torch.manual_seed(0)
    token = LevelToken(8)
    table = LevelTable(token.network, [0.0, 0.3, 1.0])
    numbers = torch.tensor([2.0, 0.0, 2.0])
    torch.testing.assert_close(table(numbers), token.network(torch.tensor([1.0, 0.0, 1.0])))
    assert not table.table.requires_grad
