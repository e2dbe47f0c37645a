"""Promises that all denoisers share, and what each one says about who may see whom."""

import pytest
import torch

from training.policies.backbones.causal import CausalDecoder
from training.policies.backbones.transformer import Transformer
from training.policies.condition import ConditionLayout
from training.policies.config import ExpertConfig, PolicyConfig
from training.policies.parts import make_backbone

H, A, B = 8, 3, 2
TOKENS = ConditionLayout(embedding=6, history=2, step=4, static=3, tasks=2, extra=1)
FLAT = ConditionLayout(embedding=6, extra=1)
KINDS = ["mlp", "concat mlp", "unet", "concat unet", "transformer", "causal", "dit", "mode", "sdp"]


def made(kind, seed=0):
    torch.manual_seed(seed)
    conditioning, _, backbone = kind.rpartition(" ")
    config = PolicyConfig(
        horizon=H, width=16, heads=2, depth=2, backbone=backbone, conditioning=conditioning or "film",
        tasks=2 if backbone == "sdp" else 1, experts=ExpertConfig(count=3, top_k=2),
    )  # fmt: skip
    layout = TOKENS if backbone in ("transformer", "causal", "dit", "mode", "sdp") else FLAT
    network = make_backbone(config, A, layout).eval()
    for name, parameter in network.named_parameters():
        if "norm" not in name and parameter.dim() > 1:  # zero layers would hide everything
            torch.nn.init.normal_(parameter, std=0.3)
    return network, layout


def inputs(layout, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x, condition = (torch.randn(B, *shape, generator=generator) for shape in ((H, A), (layout.size,)))
    if layout.tasks:
        condition[:, layout.size - layout.extra - layout.tasks : layout.size - layout.extra] = torch.tensor([1.0, 0.0])
    return x, torch.tensor([0.2, 0.7]), condition


@pytest.fixture(params=KINDS)
def network(request):
    return (*made(request.param), request.param)


@torch.no_grad()
def test_samples_of_a_batch_do_not_mix(network):
    net, layout, _ = network
    x, level, condition = inputs(layout)
    together = net(x, level, condition)
    assert together.shape == (B, H, A)
    for row in range(B):
        one = slice(row, row + 1)
        torch.testing.assert_close(net(x[one], level[one], condition[one]), together[one], atol=2e-5, rtol=1e-4)


@torch.no_grad()
def test_chunk_level_and_condition_all_matter(network):
    net, layout, kind = network
    x, level, condition = inputs(layout)
    base = net(x, level, condition)
    for changed in (net(x + 0.5, level, condition), net(x, level + 0.1, condition)):
        assert float((changed - base).abs().max()) > 1e-4
    unread = range(layout.size - layout.extra - layout.tasks, layout.size - layout.extra) if layout.tasks else ()
    for column in range(layout.size):
        other = condition.clone()
        other[:, column] += 1.0
        moved = float((net(x, level, other) - base).abs().max())
        if column in unread and kind in ("transformer", "causal", "mode"):
            assert moved == 0.0  # routers read the identity; these have none, and get it with the features
        elif not (column in unread and kind == "sdp"):
            assert moved > 1e-6, column


@torch.no_grad()
def test_untrained_networks_answer_zero():
    for kind in KINDS:
        torch.manual_seed(0)
        conditioning, _, backbone = kind.rpartition(" ")
        config = PolicyConfig(
            horizon=H, width=16, heads=2, depth=1, backbone=backbone, conditioning=conditioning or "film"
        )
        layout = FLAT if backbone in ("mlp", "unet") else TOKENS
        x, level, condition = inputs(layout)
        assert torch.equal(make_backbone(config, A, layout).eval()(x, level, condition), torch.zeros(B, H, A)), kind


@pytest.mark.parametrize("kind", ["transformer", "causal", "mode", "sdp"])
@torch.no_grad()
def test_an_action_never_sees_a_later_one(kind):
    net, layout = made(kind)
    x, level, condition = inputs(layout)
    base = net(x, level, condition)
    later = x.clone()
    later[:, 5] += 10.0
    moved = (net(later, level, condition) - base).abs().amax((0, 2))
    if kind == "sdp":  # its router reads the mean of all actions; attention alone is causal
        assert float(moved[5:].max()) > 1e-4
        return
    assert float(moved[:5].max()) == 0.0 and float(moved[5]) > 1e-4 and float(moved[7]) > 1e-6


@torch.no_grad()
def test_dit_and_unet_look_both_ways():
    for kind in ("dit", "unet"):
        net, layout = made(kind)
        x, level, condition = inputs(layout)
        later = x.clone()
        later[:, 5] += 10.0
        assert float((net(later, level, condition) - net(x, level, condition)).abs().amax((0, 2))[4]) > 1e-4


@torch.no_grad()
def test_what_a_causal_decoder_computes_of_the_observation_does_not_depend_on_the_noise():
    net, layout = made("causal")
    assert isinstance(net, CausalDecoder)
    x, level, condition = inputs(layout)
    prefix = 1 + net.tokens.count
    first, second = (net.hidden(chunk, level, condition)[:, :prefix] for chunk in (x, x + 5.0))
    assert torch.equal(first, second)


@torch.no_grad()
def test_order_matters_to_a_transformer():
    """Without positions attention would answer a reversed chunk with the reversed answer (up to the mask)."""
    net, layout = made("transformer")
    assert isinstance(net, Transformer)
    x, level, condition = inputs(layout)
    same = torch.ones(B, H, A)
    answer = net(same, level, condition)
    assert float((answer[:, 0] - answer[:, 7]).abs().max()) > 1e-3
    assert float((net(x.flip(1), level, condition).flip(1) - net(x, level, condition)).abs().max()) > 1e-3
