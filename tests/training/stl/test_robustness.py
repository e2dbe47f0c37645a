import random

import numpy as np
import pytest
import torch

from policy_nodes.errors import ConfigError
from policy_nodes.safety.stl import offline
from policy_nodes.safety.stl.formula import looks_back
from policy_nodes.safety.stl.parser import parse
from tests.policy_nodes.safety.stl.random_formulas import SIGNALS, formula, trace
from training.stl.robustness import robustness


def tensors(rows):
    return {name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]}


@pytest.mark.parametrize("seed", range(60))
def test_hard_robustness_equals_the_robots_row_by_row(seed):
    rng = random.Random(seed)
    text = formula(rng, rng.randrange(1, 4), future=True)
    tree = parse(text, SIGNALS, 1.0)
    rows = [trace(rng, rng.choice([1, 3, 12])) for _ in range(1)]
    rows += [trace(rng, len(rows[0]["a"])) for _ in range(3)]
    found = robustness(tree, tensors(rows)).numpy()
    for row, values in zip(rows, found, strict=True):
        np.testing.assert_allclose(values, offline.robustness(tree, row), atol=1e-12, err_msg=text)


@pytest.mark.parametrize("seed", range(30))
def test_smooth_robustness_approaches_the_hard_one(seed):
    rng = random.Random(1000 + seed)
    tree = parse(formula(rng, 2, future=True), SIGNALS, 1.0)
    rows = tensors([trace(rng, 10) for _ in range(4)])
    hard, soft = robustness(tree, rows), robustness(tree, rows, tau=2000.0)
    torch.testing.assert_close(soft, hard, atol=0.01, rtol=0)


OPERATORS = [
    "always[0:3](a > 0)", "eventually[1:4](a > b)", "always(a > 0)", "eventually(a < b)", "(a > 0) until[0:4] (b > 0)",
    "(a > 0) until (b > 0)", "(a > 0) since[1:3] (b > 0)", "historically[0:2](a > 0)", "once(b > 0)",
    "not ((a > 0) and (b > 0.2))", "(a > 0) implies (b > 0)", "(a > 0) unless[0:3] (b > 0)", "abs(a * b) < 0.5",
    "always[0:2] eventually[0:2] (a > 0.1)",
]  # fmt: skip


@pytest.mark.parametrize("text", OPERATORS)
def test_gradients_equal_finite_differences(text):
    tree = parse(text, ("a", "b"), 1.0)
    generator = torch.Generator().manual_seed(3)
    a, b = (torch.randn(2, 6, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2))
    at = -1 if looks_back(tree) else 0  # where the windows see the trace
    assert torch.autograd.gradcheck(lambda x, y: robustness(tree, {"a": x, "b": y}, tau=5.0)[:, at], (a, b), atol=1e-6)


def test_windows_are_inclusive_and_clipped():
    rows = {"a": torch.tensor([[1.0, 2.0, 5.0, 0.0]])}
    assert robustness(parse("eventually[0:2](a > 0)", ("a",), 1.0), rows).tolist() == [[5.0, 5.0, 5.0, 0.0]]
    assert robustness(parse("always[1:9](a > 0)", ("a",), 1.0), rows)[0, :3].tolist() == [0.0, 0.0, 0.0]
    assert robustness(parse("eventually[9:9](a > 0)", ("a",), 1.0), rows)[0, 0].item() == -torch.inf


def test_minimising_the_hinge_satisfies_a_formula():
    """Gradient descent on the samples themselves: nested windows must not have dead gradients."""
    tree = parse("eventually[0:9](always[0:3](a > 1)) and always[0:12](a < 2)", ("a",), 1.0)
    a = torch.zeros(5, 13, requires_grad=True)
    optimizer = torch.optim.Adam([a], lr=0.05)
    for _ in range(200):
        loss = torch.relu(0.3 - robustness(tree, {"a": a}, tau=50.0)[:, 0]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (robustness(tree, {"a": a})[:, 0] > 0.2).all()


def test_bad_traces_are_named():
    tree = parse("always(a > b)", ("a", "b"), 1.0)
    with pytest.raises(ConfigError, match="unknown signal 'b'"):
        robustness(tree, {"a": torch.zeros(2, 3)})
    with pytest.raises(ConfigError, match="shapes"):
        robustness(tree, {"a": torch.zeros(2, 3), "b": torch.zeros(2, 4)})
    with pytest.raises(ConfigError, match="shapes"):
        robustness(tree, {"a": torch.zeros(3), "b": torch.zeros(3)})
