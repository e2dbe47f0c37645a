"""Further graphs through PyTorch, ONNX Runtime and the runtime's own session, on the tiny chain of the fixtures."""

import numpy as np
import pytest
import torch

from policy_nodes.bundle.chunking import WarmStart
from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError, ConfigError
from policy_nodes.inference.parity import load_parity
from policy_nodes.inference.planner import ChunkPlanner
from policy_nodes.inference.policy import PolicySession
from training.commands import realtime
from training.imitation.build import load_policy
from training.realtime.export import add_variants
from training.realtime.graphs import VariantConfig, VariantGraph
from training.realtime.parts import flow_parts
from training.realtime.prefix import PrefixMLP


@pytest.fixture(scope="module")
def trained(training_path):
    return load_policy(training_path)


def observations(bundle):
    inputs, outputs = load_parity(bundle)
    noise = torch.from_numpy(inputs.pop("noise"))
    return {name: torch.from_numpy(value) for name, value in inputs.items()}, noise, torch.from_numpy(outputs["action"])


def graph(trained, method, steps=2, **options):
    policy = trained.policy
    prefix = PrefixMLP(policy.denoiser) if method == "prefix" else None
    return VariantGraph(flow_parts(policy), VariantConfig(method, steps, **options), policy.action_dim, prefix)


def test_taken_apart_and_put_together_it_is_the_policy(trained, bundle_path):
    observation, noise, action = observations(load_bundle(bundle_path))
    chunk, _ = graph(trained, "full", trained.policy.config.sampling_steps)(observation, noise)
    assert torch.allclose(chunk, action, atol=1e-5)
    parts = flow_parts(trained.policy)
    assert torch.allclose(parts.restore(observation, parts.normalise(observation, action)), action, atol=1e-6)


def test_a_guided_chunk_agrees_with_the_previous_one_where_it_is_frozen(trained, bundle_path):
    observation, noise, action = observations(load_bundle(bundle_path))
    weights = torch.zeros(action.shape[:2])
    weights[:, :4] = 1.0
    previous = action.flip(0)
    guided, _ = graph(trained, "guided", 5)(observation, noise, previous, weights)
    free, _ = graph(trained, "guided", 5)(observation, noise, previous, torch.zeros_like(weights))
    scale = trained.policy.action_normalizer.std
    apart = [(((chunk - previous) / scale)[:, :4]).abs().mean() for chunk in (guided, free)]
    assert apart[0] < 0.2 * apart[1]


def test_a_given_prefix_comes_out_as_given(trained, bundle_path):
    observation, noise, action = observations(load_bundle(bundle_path))
    weights = torch.zeros(action.shape[:2])
    weights[:, :3] = 1.0
    chunk, _ = graph(trained, "prefix")(observation, noise, action, weights)
    assert torch.allclose(chunk[:, :3], action[:, :3], atol=1e-5)
    with pytest.raises(ValueError, match="needs a denoiser"):
        VariantGraph(flow_parts(trained.policy), VariantConfig("prefix", 2), trained.policy.action_dim)


def test_a_clipped_column_starts_from_its_sign(trained, bundle_path):
    observation, noise, action = observations(load_bundle(bundle_path))
    plain, _ = graph(trained, "warm_start", start=0.9)(observation, 0 * noise, action)
    clipped, _ = graph(trained, "warm_start", start=0.9, discrete=(7,))(observation, 0 * noise, action)
    assert not torch.allclose(plain[..., 7], clipped[..., 7])


def test_added_graphs_are_proven_and_run_by_the_runtime(trained, bundle_copy):
    wanted = [VariantConfig("warm_start", 1), VariantConfig("full", 1), VariantConfig("guided", 2)]
    bundle = add_variants(load_bundle(bundle_copy), trained, wanted)
    assert [variant.name for variant in bundle.manifest.policy.variants] == ["warm_start_1", "full_1", "guided_2"]
    for variant in bundle.manifest.policy.variants:
        session = PolicySession(bundle, variant=variant.name)
        session.warm_up(session.parity.samples)
        inputs, outputs = load_parity(bundle, variant.parity_file)
        features = {feature.name: inputs[feature.name][:1] for feature in bundle.manifest.observations}
        extra = {name: inputs[name][0] for name in session.extra_inputs}
        answer = session.sample(features, inputs["noise"][:1], extra=extra)
        np.testing.assert_allclose(answer.chunk, outputs["action"][:1], atol=1e-4)  # one sample as well as many
    planner = ChunkPlanner(bundle, warm_start=WarmStart(method="guided"))
    planner.warm_up()


def test_another_policys_bundle_is_refused(trained, bundle_copy):
    with torch.no_grad():
        trained.policy.denoiser.output.bias.add_(0.5)
    try:
        with pytest.raises(BundleError, match="was not exported from"):
            add_variants(load_bundle(bundle_copy), trained, [VariantConfig("full", 1)])
    finally:
        with torch.no_grad():
            trained.policy.denoiser.output.bias.sub_(0.5)


def test_the_command_adds_graphs_and_says_what_continues_chunks(training_path, bundle_copy, capsys):
    args = realtime.Args(bundle_copy, training_path, warm_steps=(1,), guided_steps=0, use="warm_start")
    assert realtime.run(args) == 0
    assert load_bundle(bundle_copy).manifest.timing.warm_start.method == "warm_start"
    assert "warm_start_1: 1 evaluations, parity action" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"warm_steps": (), "guided_steps": 0}, "no graph is asked for"),
        ({"warm_steps": (0,)}, "below its minimum"),
        ({"guided_steps": -1}, "below its minimum"),
        ({"warm_start": 1.0}, "--warm-start is 1.0"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, text):
    with pytest.raises(ConfigError, match=text):
        realtime.configs(realtime.Args(tmp_path, tmp_path, **options))
