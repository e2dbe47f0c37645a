import pytest

from training.imitation.schedule import learning_rate_scale


def test_by_hand():
    scale = [learning_rate_scale(step, warmup=4, total=12) for step in range(14)]
    assert scale[:4] == [0.25, 0.5, 0.75, 1.0]
    assert scale[4] == 1.0
    assert scale[8] == pytest.approx((1.0 + 0.01) / 2)  # half way down the cosine
    assert scale[12] == scale[13] == pytest.approx(0.01)


def test_without_warmup_and_with_more_warmup_than_steps():
    assert learning_rate_scale(0, 0, 10) == 1.0
    assert [learning_rate_scale(step, 8, 4) for step in range(4)] == [0.125, 0.25, 0.375, 0.5]
