"""Attention parts against their formulas, written out with plain loops."""

import math

import pytest
import torch

from training.policies.backbones.attention import Attention, LevelToken, RMSNorm, causal_mask, positions, zero_linear


def seeded(seed=0):
    torch.manual_seed(seed)


def by_hand(layer, x, memory, mask):
    """softmax(q k / sqrt(d)) v per head, one sample and one query at a time."""
    source = x if memory is None else memory
    heads, size = layer.heads, x.shape[-1] // layer.heads
    q = layer.query(x)
    kv = layer.key_value(source)
    k, v = kv[..., : x.shape[-1]], kv[..., x.shape[-1] :]
    answer = torch.zeros_like(q)
    for b in range(len(x)):
        for h in range(heads):
            part = slice(h * size, (h + 1) * size)
            keys, queries = layer.key_norm(k[b, :, part]), layer.query_norm(q[b, :, part])
            for t in range(x.shape[1]):
                score = keys @ queries[t] / math.sqrt(size)
                if mask is not None:
                    score = torch.where(mask[t], score, -torch.inf)
                answer[b, t, part] = score.softmax(0) @ v[b, :, part]
    return layer.output(answer)


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("kind", ["self", "cross", "causal"])
def test_attention_is_the_formula(normalise, kind):
    seeded()
    layer = Attention(8, 2, normalise=normalise).double().eval()
    x = torch.randn(2, 4, 8, dtype=torch.float64)
    memory = torch.randn(2, 3, 8, dtype=torch.float64) if kind == "cross" else None
    mask = causal_mask(4) if kind == "causal" else None
    with torch.no_grad():
        torch.testing.assert_close(layer(x, memory, mask), by_hand(layer, x, memory, mask))


def test_normalised_queries_make_attention_blind_to_the_size_of_its_input():
    seeded()
    layer = Attention(8, 2, normalise=True).eval()
    torch.nn.init.zeros_(layer.query.bias)
    x, memory = torch.randn(1, 3, 8), torch.randn(1, 5, 8)
    with torch.no_grad():
        torch.testing.assert_close(layer(x, memory), layer(100.0 * x, memory), atol=1e-4, rtol=1e-4)


def test_rms_norm_by_hand():
    norm = RMSNorm(2)
    x = torch.tensor([[3.0, 4.0]])
    torch.testing.assert_close(norm(x), x / math.sqrt(12.5), atol=1e-5, rtol=0)
    torch.testing.assert_close(norm(1000.0 * x), norm(x), atol=1e-4, rtol=0)
    assert torch.equal(norm(torch.zeros(1, 2)), torch.zeros(1, 2))  # not NaN
    norm.weight.data = torch.tensor([2.0, -1.0])
    torch.testing.assert_close(norm(x), torch.tensor([[6.0, -4.0]]) / math.sqrt(12.5), atol=1e-5, rtol=0)


def test_the_mask_by_hand():
    assert causal_mask(3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert causal_mask(4, prefix=2).int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    assert torch.equal(causal_mask(3, prefix=1), causal_mask(3))


def test_levels_become_tokens_that_differ():
    seeded()
    tokens = LevelToken(16)(torch.tensor([0.0, 0.01, 0.5, 1.0])).detach()
    assert tokens.shape == (4, 1, 16)
    gaps = torch.cdist(tokens[:, 0], tokens[:, 0]) + 9.0 * torch.eye(4)
    assert float(gaps.min()) > 1e-3


def test_zero_layers_answer_zero_and_still_learn():
    layer = zero_linear(3, 2)
    x = torch.ones(1, 3)
    layer(x).sum().backward()
    assert torch.equal(layer(x), torch.zeros(1, 2)) and float(layer.weight.grad.abs().min()) == 1.0


def test_positions_are_small_and_learned():
    seeded()
    table = positions(100, 32)
    assert table.shape == (1, 100, 32) and table.requires_grad
    assert float(table.detach().std()) == pytest.approx(0.02, rel=0.05)
