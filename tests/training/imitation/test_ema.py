import pytest
import torch
from torch import nn

from training.imitation.ema import Ema, ema_decay


@pytest.mark.parametrize(
    ("step", "power", "decay"),
    # 1 - (1 + step)^-power, and the digest's landmarks: 3/4 reaches 0.999 near 10k and 0.9999 near 215k steps,
    # 2/3 reaches 0.999 near 31.6k.
    [(0, 0.75, 0.0), (1, 0.75, 1 - 2**-0.75), (15, 0.75, 0.875), (10_000, 0.75, 0.999), (215_443, 0.75, 0.9999),
     (31_622, 2 / 3, 0.999), (10_000_000, 0.75, 0.9999)],
)  # fmt: skip
def test_schedule(step, power, decay):
    assert ema_decay(step, power=power) == pytest.approx(decay, abs=2e-7 if step < 100 else 2e-6)


def test_ceiling_and_slower_warm_up():
    assert ema_decay(10_000, max_decay=0.99) == 0.99
    assert ema_decay(100, inv_gamma=10.0) == pytest.approx(1 - 11**-0.75)


def test_average_by_hand():
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    ema = Ema(model)
    decays = [1 - (1 + step) ** -0.75 for step in (1, 2, 3)]
    expected = 0.0
    for step, decay in enumerate(decays, start=1):
        with torch.no_grad():
            model.weight.fill_(float(step))
        ema.update(model, step)
        expected = decay * expected + (1 - decay) * step
    assert float(ema.module.weight) == pytest.approx(expected, rel=1e-6)


def test_before_the_first_step_it_is_a_copy_and_takes_no_gradient():
    model = nn.Linear(2, 2)
    ema = Ema(model)
    with torch.no_grad():
        model.weight.add_(1.0)
    assert not torch.equal(ema.module.weight, model.weight)
    ema.update(model, 0)
    assert torch.equal(ema.module.weight, model.weight)
    assert not ema.module.weight.requires_grad and not ema.module.training


def test_buffers_are_copied_not_averaged():
    model = nn.Linear(1, 1)
    model.register_buffer("mean", torch.tensor([float("nan")]))
    ema = Ema(model)
    model.mean.fill_(3.0)
    ema.update(model, 1)
    assert ema.module.mean.tolist() == [3.0]  # an average with the unfitted NaN would be NaN for ever
