import copy
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.manifest import Manifest
from policy_nodes.bundle.semantics import problems
from policy_nodes.errors import BundleError, ProviderError
from policy_nodes.inference.observation import Observation
from policy_nodes.inference.parity import load_parity
from policy_nodes.inference.planner import ChunkPlanner
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.stepwise import StepwiseSession
from tests.training.export.random_policy import random_inputs, random_policy
from training.export.parity import reference_outputs
from training.export.stepwise import DenoiseStep, Row, add_step_graph, factors
from training.imitation.build import load_policy
from training.policies.combinations import sampler_info
from training.samplers.recurrence import recurrence


@pytest.fixture(scope="module")
def bundle(bundle_path, training_path, tmp_path_factory):
    path = shutil.copytree(bundle_path, tmp_path_factory.mktemp("step") / "tiny.keel")
    return add_step_graph(load_bundle(path), load_policy(training_path), (1, 4))


def recorded(bundle):
    inputs, _ = load_parity(bundle)
    return {name: value for name, value in inputs.items() if name != "noise"}, len(inputs["noise"])


def test_the_chain_is_the_sampler_for_every_number_of_steps(bundle, training_path):
    assert [schedule.steps for schedule in bundle.manifest.policy.step_graph.schedules] == [1, 2, 4]
    observation, samples = recorded(bundle)
    noise = np.random.default_rng(5).standard_normal((samples, 16, 8)).astype(np.float32)
    policy = load_policy(training_path).policy
    for steps in (1, 2, 4):
        answer = StepwiseSession(bundle, steps=steps).sample(observation, noise)
        policy.config = replace(policy.config, sampling_steps=steps)
        expected = reference_outputs(policy, observation | {"noise": noise})
        np.testing.assert_allclose(answer.chunk, expected["action"], atol=1e-5)
        np.testing.assert_allclose(answer.embedding, expected["embedding"], atol=1e-5)
    whole = PolicySession(bundle).sample(observation, noise)
    np.testing.assert_allclose(
        StepwiseSession(bundle, steps=2).sample(observation, noise).chunk, whole.chunk, atol=1e-5
    )


@pytest.mark.parametrize(
    "options",
    [
        {"objective": "ddpm_v", "sampler": "ddpm", "sampling_steps": 5},
        {"objective": "edm", "sampler": "heun", "sampling_steps": 3},
        {"objective": "ddpm_x0", "sampler": "dpmpp_2m", "sampling_steps": 4},
        {"objective": "shortcut", "sampling_steps": 4},
        {"objective": "consistency", "sampling_steps": 2},
        {"backbone": "mode", "objective": "edm", "sampling_steps": 3},
    ],
    ids=lambda options: "-".join(str(value) for value in options.values()),
)
def test_steps_in_torch_compose_to_the_policy(options):
    """Without exporting: the module of one step and the recurrence give the sampler's answer."""
    policy = random_policy(**options)
    config, horizon = policy.config, policy.config.horizon
    chain = recurrence(sampler_info(config), policy.objective, config.sampling_steps, config.time_grid)
    step = DenoiseStep(policy, [Row(time, config.sampling_steps) for time in chain.times]).double()
    inputs = {name: value.astype(np.float64) for name, value in random_inputs(4, policy.noise_rows).items()}
    observation = {name: torch.from_numpy(value) for name, value in inputs.items() if name != "noise"}
    draws = torch.from_numpy(inputs["noise"]).split(horizon, dim=1)
    nothing = torch.zeros_like(draws[0])
    x, x_before, d, d_before = nothing, nothing, nothing, nothing
    for k, (a, b, c, e, s) in enumerate(chain.mix):
        point = a * x + b * x_before + c * d + e * d_before + s * (draws[k] if k < len(draws) else nothing)
        chunk, _, estimate = step(observation, point, torch.full((4, 1), float(k), dtype=torch.float64))
        x, x_before, d, d_before = point, x, estimate, d
    expected = reference_outputs(copy.deepcopy(policy).double(), inputs)["action"]
    # The step's tables are in single precision.
    np.testing.assert_allclose(chunk.numpy(), expected, rtol=3e-6, atol=2e-5)


def test_factors_by_hand():
    flow = random_policy()
    assert factors(flow, 0.25) == pytest.approx((1.0, 1.0, 0.75))  # data = x + (1 - t) v
    edm = random_policy(objective="edm")
    scale = 1 / np.sqrt(1.25)  # sigma 1, sigma_data 0.5
    assert factors(edm, 1.0) == pytest.approx((scale, 0.2, 0.5 * scale))


def test_anytime_chooses_among_the_schedules(bundle):
    planner = ChunkPlanner(bundle, anytime=True)
    planner.warm_up()
    assert sorted(planner._sessions) == [("full", 1), ("full", 2), ("full", 4)]
    sessions = [planner._sessions["full", steps] for steps in (1, 4)]
    assert sessions[0].session is sessions[1].session  # one graph in memory
    for steps, seconds in ((1, 0.01), (2, 0.02), (4, 0.04)):
        for _ in range(30):
            planner._costs["full"].add(steps, seconds)
    values = {name: value[0] for name, value in recorded(bundle)[0].items()}
    plans = [planner.plan(Observation(k, values, {}), budget).evaluations for k, budget in enumerate((1, 0.03, 0.0))]
    assert plans == [4, 2, 1]


def test_what_is_not_there_is_named(bundle, bundle_path):
    with pytest.raises(BundleError, match=r"no schedule for 3 steps \(it has 1, 2, 4\)"):
        StepwiseSession(bundle, steps=3)
    with pytest.raises(BundleError, match="has no step graph"):
        StepwiseSession(load_bundle(bundle_path), steps=2)


def test_a_chain_that_answers_otherwise_is_refused(bundle):
    session = StepwiseSession(bundle, steps=2)
    session.warm_up()
    row = list(session.schedule.mix[1])
    row[2] += 0.05
    session.schedule = session.schedule.model_copy(update={"mix": [session.schedule.mix[0], row]})
    with pytest.raises(ProviderError, match="run step by step is off by"):
        session.warm_up()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda step: step["schedules"][1].update(steps=1), "schedules for .1, 1, 4. steps"),
        (lambda step: step["schedules"][2]["mix"].pop(), "4 rows but 3 mixtures for 4 steps"),
        (lambda step: step["schedules"][2]["mix"][2].__setitem__(4, 0.5), "uses noise beyond the 1 draws"),
        (lambda step: step["inputs"].pop(), "its inputs and outputs are"),
        (lambda step: step.update(file="other.onnx"), "files lacks 'other.onnx'"),
        (lambda step: step["parity"]["max_abs_error"].update(action=0.009), "exceeds the tolerance"),
    ],
    ids=["repeated", "short", "noise", "inputs", "file", "parity"],
)
def test_contradictions_are_named(bundle, change, sentence):
    raw = json.loads(bundle.manifest.model_dump_json())
    change(raw["policy"]["step_graph"])
    found = problems(Manifest.model_validate(raw))
    assert any(re.search(sentence, problem) for problem in found), found
