"""Counts that depend on the combination, and refusals whose fix is itself accepted."""

import pytest

from policy_nodes.errors import ConfigError
from training.policies.combinations import evaluations, noise_rows, sampler_name
from training.policies.config import ExpertConfig, PolicyConfig
from training.policies.parts import make_objective

DEFAULTS = {
    "flow": "euler", "ddpm_epsilon": "ddim", "ddpm_x0": "ddim", "ddpm_v": "ddim", "edm": "ddim", "shortcut": "euler",
    "meanflow": "euler", "consistency": "consistency", "distillation": "consistency",
}  # fmt: skip


@pytest.mark.parametrize("objective", DEFAULTS)
def test_auto_is_the_documented_sampler_and_every_objective_can_be_made(objective):
    config = PolicyConfig(objective=objective)
    assert sampler_name(config) == DEFAULTS[objective]
    assert type(make_objective(config)).__module__.rsplit(".", 1)[-1] == {
        "flow": "flow", "shortcut": "shortcut", "meanflow": "mean_flow", "edm": "edm",
    }.get(objective, "diffusion" if objective.startswith("ddpm") else "consistency")  # fmt: skip


@pytest.mark.parametrize(
    ("options", "calls", "chunks"),
    [
        ({"objective": "flow", "sampler": "midpoint", "sampling_steps": 3}, 6, 1),
        ({"objective": "edm", "sampler": "heun", "sampling_steps": 5}, 9, 1),
        ({"objective": "edm", "sampler": "ancestral", "sampling_steps": 5}, 5, 5),
        ({"objective": "ddpm_v", "sampler": "ddpm", "sampling_steps": 7}, 7, 7),
        ({"objective": "consistency", "sampling_steps": 2}, 2, 2),
        ({"objective": "edm", "guidance": 2.0, "condition_dropout": 0.1, "sampling_steps": 4}, 8, 1),
        ({"objective": "edm", "guidance": 0.0, "condition_dropout": 0.1, "sampling_steps": 4}, 8, 1),
    ],
)
def test_evaluations_and_noise(options, calls, chunks):
    config = PolicyConfig(horizon=12, **options)
    assert (evaluations(config), noise_rows(config)) == (calls, 12 * chunks)


@pytest.mark.parametrize(
    ("wrong", "said", "mended"),
    [
        ({"embedding": "moore", "embedding_size": 3}, "4 experts cannot be orthogonal in 3", {"embedding_size": 4}),
        ({"objective": "shortcut", "sampling_steps": 3}, "cannot take 3 steps", {"sampling_steps": 4}),
        ({"objective": "shortcut", "sampling_steps": 64}, "cannot take 64 steps", {"sampling_steps": 32}),
        ({"objective": "ddpm_v", "sampling_steps": 101}, "learns 100 levels", {"sampling_steps": 100}),
        ({"backbone": "unet", "depth": 3, "horizon": 6}, "does not fit 6 steps", {"horizon": 8}),
        ({"backbone": "dit", "width": 30, "heads": 4}, "cannot be shared by 4 heads", {"width": 32}),
        ({"objective": "meanflow", "backbone": "dit"}, "no forward-mode derivative", {"objective": "shortcut"}),
        ({"guidance": 3.0}, "also learned without a goal", {"condition_dropout": 0.1}),
        ({"condition_dropout": 1.0}, "condition-dropout is 1.0", {"condition_dropout": 0.5}),
        ({"teacher": "runs/edm"}, "has none", {"objective": "distillation"}),
        ({"objective": "ddpm_v", "action_scaling": "standard"}, "would saturate", {"clip_sample": False}),
    ],
)
def test_the_fix_that_is_named_is_one(wrong, said, mended):
    with pytest.raises(ConfigError, match=said) as refused:
        PolicyConfig(**wrong)
    assert refused.value.fix
    PolicyConfig(**{**wrong, **mended})


@pytest.mark.parametrize("wrong", [{"count": 2, "top_k": 3}, {"top_k": 0}, {"per_task": 0}, {"grown": -1}])
def test_experts_that_cannot_be_chosen_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"--config\.policy\.experts"):
        ExpertConfig(**wrong)
