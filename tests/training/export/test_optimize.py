from collections import Counter

import numpy as np
import onnxruntime
import pytest
import torch
from onnxscript import optimizer
from onnxscript.rewriter.rules.common import slice_split_rule
from torch import nn

from training.export.optimize import RULES, optimize
from training.export.quiet import quiet_exporter


class Branches(nn.Module):
    """Convolution behind a padding, slices of one tensor, no-ops, a reshape of a reshape, and constants to fold."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv1d(4, 8, 3, padding=1)
        self.register_buffer("scale", torch.linspace(0.5, 1.5, 8))

    def forward(self, x):
        hidden = self.convolution(nn.functional.pad(x, (1, 1))) * (self.scale.exp() + 0.0)[:, None]
        first, second = hidden[:, :4] * 1.0, hidden[:, 4:]
        return (first.relu().clamp(max=2.0) - second).reshape(x.shape[0], 2, -1).reshape(x.shape[0], -1)


@pytest.fixture(scope="module")
def programs():
    def export():
        with quiet_exporter():
            return torch.onnx.export(
                Branches().eval(),
                (torch.zeros(2, 4, 10),),
                dynamo=True,
                optimize=False,
                verbose=False,
                opset_version=18,
                dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},),
            )

    raw, mine, theirs = export(), export(), export()
    optimize(mine.model)
    optimizer.optimize(theirs.model)
    return raw, mine, theirs


def kinds(program):
    return Counter(node.op_type for node in program.model.graph)


def answers(program, x):
    content = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def test_it_leaves_what_onnxscript_leaves(programs):
    raw, mine, theirs = programs
    assert kinds(mine) == kinds(theirs)
    assert sum(kinds(mine).values()) < sum(kinds(raw).values()) / 2


def test_the_numbers_stay(programs):
    x = np.random.default_rng(0).standard_normal((5, 4, 10)).astype(np.float32)
    expected = Branches().eval()(torch.from_numpy(x)).detach().numpy()
    for program in programs:
        np.testing.assert_allclose(answers(program, x), expected, atol=1e-6)


def test_only_the_rule_that_tries_all_pairs_of_nodes_is_left_out():
    """A newer onnxscript may know further rules; this says so."""
    from onnxscript.rewriter import _DEFAULT_REWRITE_RULES

    def names(chosen):
        return Counter(str(rule.name) + str(rule) for rule in chosen)

    assert names(rule for rule in _DEFAULT_REWRITE_RULES if rule is not slice_split_rule) == names(RULES)
    assert slice_split_rule in _DEFAULT_REWRITE_RULES
