"""Every denoiser as a graph: ONNX Runtime answers what PyTorch answers with experts that are not fused yet."""

import numpy as np
import pytest
import torch

from training.contracts.registry import task_contract
from training.export.deployable import deployable
from training.export.graph import NOISE, _Positional, export_graph
from training.export.parity import graph_errors, reference_outputs
from training.imitation.build import build_policy
from training.policies.config import ExpertConfig, PolicyConfig

CONTRACT = task_contract("toys/goals")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("unet", "transformer", "causal")]


def randomised(**options):
    torch.manual_seed(0)
    sizes = {"width": 16, "heads": 2, "depth": 1, "embedding_size": 8, "sampling_steps": 2}
    policy = build_policy(CONTRACT, PolicyConfig(**{**sizes, **options}))
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    for normalizer in (policy.observation_normalizer, policy.action_normalizer):
        normalizer.fit(torch.zeros_like(normalizer.mean), torch.ones_like(normalizer.std))
    return policy.eval().requires_grad_(False)


def errors(policy, batch=5):
    rng = np.random.default_rng(0)
    shapes = {f.name: (batch, f.history, f.size) for f in CONTRACT.observations}
    inputs = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    inputs[NOISE] = rng.standard_normal((batch, policy.noise_rows, 2)).astype(np.float32)
    graph = export_graph(deployable(policy), CONTRACT.observations, CONTRACT.actions, {}, policy.noise_rows)
    expected = reference_outputs(policy, inputs)
    assert float(np.ptp(expected["action"])) > 0.1
    return graph_errors(graph, inputs, expected)


@pytest.mark.parametrize("backbone", ["mode", "sdp", "dit", *SLOW])
def test_a_denoiser_keeps_its_numbers(backbone):
    policy = randomised(objective="flow", backbone=backbone, experts=ExpertConfig(count=3))
    assert max(errors(policy).values()) < 1e-5


@pytest.mark.parametrize("objective", ["shortcut", "meanflow"])
def test_a_told_step_size_leaves_the_batch_free(objective):
    """The exporter falls back to graphs for the example's batch alone, without an error: the trace is asked itself."""
    policy = deployable(randomised(objective=objective))
    inputs = [torch.zeros(2, f.history, f.size) for f in CONTRACT.observations]
    inputs.append(torch.zeros(2, policy.noise_rows, 2))
    free = tuple({0: torch.export.Dim("batch", min=1, max=4096)} for _ in inputs)
    module = _Positional(policy, [f.name for f in CONTRACT.observations]).eval()
    traced = torch.export.export(module, tuple(inputs), dynamic_shapes=(free,), strict=False).module()
    five = [torch.randn(5, *value.shape[1:]) for value in inputs]
    for ours, theirs in zip(traced(*five), module(*five), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["shortcut", "meanflow"])
def test_a_step_size_that_the_network_is_told_is_in_the_graph(objective):
    assert max(errors(randomised(objective=objective)).values()) < 1e-5


def test_guided_sampling_evaluates_both_conditions_in_the_graph():
    policy = randomised(objective="flow", condition_dropout=0.1, guidance=2.0)
    assert max(errors(policy).values()) < 1e-5
