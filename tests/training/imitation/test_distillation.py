"""A student begins with its teacher's statistics, and with its weights where the networks are alike."""

import pytest
import torch

from tests.training.policies.test_chunk_policy import SIZES, Encoder, policy, windows
from training.imitation.distillation import start_from_teacher
from training.policies.chunk_policy import ChunkPolicy
from training.policies.config import PolicyConfig


def student(teacher, **options):
    config = PolicyConfig(**{**SIZES, **options}, objective="distillation")
    made = ChunkPolicy(config, Encoder(), 4, [True, False, False, False], teacher)
    made.fit_statistics(*windows())
    return made


@pytest.fixture
def teacher():
    made = policy(objective="edm").eval().requires_grad_(False)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    made.action_normalizer.std.mul_(1.5)  # as if fitted on other data
    return made


def test_a_student_like_its_teacher_answers_as_it_does_before_training(teacher):
    made = student(teacher)
    made.objective.updates += 3
    assert start_from_teacher(made)
    assert int(made.objective.updates) == 3  # the objective's own state is no weight
    condition = made.condition(windows()[0])
    assert torch.equal(condition, teacher.condition(windows()[0]))
    x, level = torch.randn(len(condition), 8, 4), torch.rand(len(condition))
    assert torch.equal(made.network(condition)(x, level), teacher.network(condition)(x, level))
    with torch.no_grad():
        next(made.denoiser.parameters()).add_(1.0)
    assert not torch.equal(next(made.denoiser.parameters()), next(teacher.denoiser.parameters()))  # a copy


def test_another_network_takes_the_statistics_alone(teacher):
    made = student(teacher, width=SIZES.get("width", 256) * 2)
    before = {k: v.clone() for k, v in made.state_dict().items()}
    assert not start_from_teacher(made)
    assert torch.equal(made.action_normalizer.std, teacher.action_normalizer.std)
    kept = [k for k, v in made.state_dict().items() if not torch.equal(v, before[k])]
    assert kept and all("normalizer" in k for k in kept)


def test_without_a_teacher_nothing_changes():
    made = policy(objective="edm")
    before = {k: v.clone() for k, v in made.state_dict().items()}
    assert not start_from_teacher(made)
    assert all(torch.equal(v, before[k]) for k, v in made.state_dict().items())
