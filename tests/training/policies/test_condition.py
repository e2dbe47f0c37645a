"""The packed condition comes apart as it was put together, for any sizes."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.policies.condition import ConditionLayout, ConditionTokens, FeatureLayout, feature_layout

SIZES = st.integers(0, 3)


@settings(max_examples=30, deadline=None)
@given(embedding=st.integers(1, 4), history=SIZES, step=SIZES, static=SIZES, tasks=SIZES, extra=SIZES)
def test_every_part_is_found_again(embedding, history, step, static, tasks, extra):
    layout = ConditionLayout(embedding, history, step, static, tasks, extra)
    values = torch.arange(float(layout.size)).expand(2, -1)
    parts = [
        layout.vector(values)[:, :embedding],
        layout.steps(values).flatten(1) if history and step else values[:, :0],
        layout.once(values),
        layout.task(values),
        layout.vector(values)[:, embedding:],
    ]
    assert torch.equal(torch.cat(parts, dim=-1), values)
    assert [part.shape[1] for part in parts] == [embedding, history * step, static, tasks, extra]


def test_steps_are_oldest_first():
    layout = ConditionLayout(embedding=1, history=2, step=3)
    assert layout.steps(torch.arange(7.0)[None]).tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_tokens_are_one_for_the_embedding_one_for_what_is_static_and_one_per_step():
    layout = ConditionLayout(embedding=2, history=3, step=4, static=5, tasks=2, extra=1)
    torch.manual_seed(0)
    tokens = ConditionTokens(layout, 8)
    condition = torch.randn(2, layout.size)
    found = tokens(condition)
    assert found.shape == (2, tokens.count, 8) == (2, 5, 8)
    torch.testing.assert_close(found[:, 0], tokens.embedding(torch.cat([condition[:, :2], condition[:, -1:]], dim=-1)))
    torch.testing.assert_close(found[:, 1], tokens.once(condition[:, 14:19]))
    torch.testing.assert_close(found[:, 2], tokens.steps(condition[:, 2:6]))
    assert ConditionTokens(ConditionLayout(embedding=2), 8).count == 1


def test_an_encoders_own_layout_counts_and_others_are_derived():
    own = FeatureLayout(2, 3, static=1, guided=(6,))
    assert feature_layout(SimpleNamespace(layout=own, size=7)) is own
    derived = feature_layout(SimpleNamespace(size=10, history=2, tasks=4))
    assert (derived.history, derived.step, derived.static, derived.size) == (2, 3, 4, 10)
    assert derived.guided == derived.task == (6, 7, 8, 9)
    assert feature_layout(SimpleNamespace(size=5)) == FeatureLayout(1, 5)
    with pytest.raises(AssertionError, match="every time step"):
        feature_layout(SimpleNamespace(size=7, history=2))
