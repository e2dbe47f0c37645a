"""What the table promises about a sampler is what it does: draws, evaluations, and a default for every objective."""

import pytest
import torch

from tests.training.samplers.gaussian import counted, of
from training.policies.config import PolicyConfig
from training.policies.parts import make_objective
from training.samplers.table import SAMPLERS

NAMES = {"ddpm": "ddpm_v"}
ALL = [(family, name) for family, samplers in SAMPLERS.items() for name in samplers]


class Draws(list):
    """A list that remembers which of its items were asked for."""

    def __init__(self, items):
        super().__init__(items)
        self.used = set()

    def __getitem__(self, i):
        self.used.add(i)
        return super().__getitem__(i)


@pytest.mark.parametrize(("family", "name"), ALL)
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_draws_and_evaluations_are_as_declared(family, name, steps):
    objective = make_objective(PolicyConfig(objective=NAMES.get(family, family), sampler=name, sampling_steps=steps))
    info = SAMPLERS[family][name]
    model, asked = counted(of(objective))
    generator = torch.Generator().manual_seed(0)
    draws = Draws(torch.randn(2, 1, generator=generator, dtype=torch.float64) for _ in range(info.draws(steps)))
    sample = info.sample(model, objective.times(steps, "exponential"), draws)
    assert len(asked) == info.evaluations(steps)
    assert draws.used == set(range(info.draws(steps)))
    assert bool(torch.isfinite(sample).all())


@pytest.mark.parametrize("family", SAMPLERS)
def test_the_default_is_deterministic_given_its_noise_except_where_none_is(family):
    first = next(iter(SAMPLERS[family].values()))
    assert first.draws(3) == (3 if family == "consistency" else 1)
