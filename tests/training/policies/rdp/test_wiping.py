"""Reactive diffusion policy on the wiping surface: data, training, and the two rates of its controllers."""

import dataclasses

import numpy as np
import pytest
import torch

from sim.tasks.wiping.surface import AdmittanceExpert, SurfaceConfig, WipingSurface, force_error
from training.policies.rdp.controllers import Rates, SlowFast, chunk_only, reactive
from training.policies.rdp.strokes import demonstrate, reactive_signal, slow_observation, stroke_forces
from training.policies.rdp.training import RdpTraining, action_normalizer, train_chunk_only, train_rdp

SURFACE = SurfaceConfig()
QUICK = RdpTraining(tokenizer_steps=3, policy_steps=3, batch_size=8, width=16, sampling_steps=2)


@pytest.fixture(scope="module")
def chunks():
    return demonstrate(SURFACE, strokes=2, steps=40, horizon=16, noise=0.001, seed=0)


def test_chunks_are_what_the_expert_commanded_relative_to_where_the_tool_was(chunks):
    assert chunks.observation.shape == (48, 3) and chunks.action.shape == (48, 16, 1)
    assert chunks.reactive.shape == (48, 16, 2)
    assert torch.equal(chunks.reactive[:, 0, 1], torch.zeros(48))  # displacement since the beginning
    # The expert's law: command = z + 0.6 (F - F*) / k, with z and F as the reactive signal has them.
    force = SURFACE.demanded * chunks.reactive[..., 0]
    height = 0.01 * chunks.reactive[..., 1]
    assert torch.allclose(chunks.action[..., 0], height + 0.6 * force / SURFACE.stiffness, atol=1e-6)


def test_labels_stay_clean_while_the_execution_is_perturbed():
    quiet, shaken = (demonstrate(SURFACE, 1, 20, 16, noise, 3) for noise in (0.0, 0.01))
    assert not torch.allclose(quiet.reactive, shaken.reactive)
    force, height = SURFACE.demanded * shaken.reactive[..., 0], 0.01 * shaken.reactive[..., 1]
    assert torch.allclose(shaken.action[..., 0], height + 0.6 * force / SURFACE.stiffness, atol=1e-6)
    with pytest.raises(ValueError, match="hold no chunk"):
        demonstrate(SURFACE, 1, 8, 16, 0.0, 0)


def test_signals_are_shares_of_the_demanded_force():
    assert reactive_signal(SURFACE, 7.5, -0.02).tolist() == [0.5, -2.0]
    assert slow_observation(SURFACE, 5.0, 2.5, 0.01).tolist() == [0.0, -0.5, 1.0]


def test_training_leaves_the_tokenizer_alone_in_its_second_stage_and_repeats_with_its_seed(chunks):
    first, second = train_rdp(chunks, QUICK), train_rdp(chunks, QUICK)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    only_tokenizer = train_rdp(chunks, dataclasses.replace(QUICK, policy_steps=0))
    assert torch.equal(first.tokenizer.head.weight, only_tokenizer.tokenizer.head.weight)
    assert not torch.equal(first.denoiser.output.weight, only_tokenizer.denoiser.output.weight)
    assert train_rdp(chunks, dataclasses.replace(QUICK, feel=False)).tokenizer.config.reactive_dim == 0


def admittance(tokens, signals):
    """The expert's law as a decoder that feels; the tokens say nothing."""
    return (0.01 * signals[:, 1] + 0.6 * SURFACE.demanded * signals[:, 0] / SURFACE.stiffness)[:, None]


def test_a_decoder_that_feels_holds_the_force_between_plans_as_the_expert_does():
    controller = SlowFast(
        SURFACE, Rates(replan=16, latency=4), lambda seen: np.zeros((1, 1), np.float32), admittance, 32
    )
    felt = stroke_forces(controller.act, SURFACE, 5, 60)
    expert = AdmittanceExpert(SURFACE)
    best = stroke_forces(lambda surface, step: expert.act(surface), SURFACE, 5, 60)
    assert force_error(felt[8:], 5.0) == pytest.approx(force_error(best[8:], 5.0), rel=0.1)


def test_plans_are_late_and_the_tool_waits_for_the_first():
    made = []
    controller = SlowFast(
        SURFACE,
        Rates(replan=8, latency=3),
        lambda seen: made.append(seen) or np.full((1, 1), float(len(made)), np.float32),
        lambda tokens, signals: np.full((len(signals), 1), tokens[0, 0]),
        32,
    )
    surface, commands, base = WipingSurface(SURFACE, 0), [], []
    for step in range(14):
        base.append(surface.z)
        commands.append(controller.act(surface, step))
    assert commands[:3] == base[:3]  # no plan yet
    assert commands[3:11] == [pytest.approx(base[0] + 1.0)] * 8
    assert commands[11:] == [pytest.approx(base[8] + 2.0)] * 3  # asked at step 8, in use at step 11
    controller.act(surface, 0)
    assert len(made) == 3  # a new stroke begins anew


def test_both_policies_run_as_controllers_at_two_rates(chunks):
    normalizer = action_normalizer(chunks)
    feeling = reactive(train_rdp(chunks, QUICK), normalizer, SURFACE, Rates(8, 2))
    plain = chunk_only(train_chunk_only(chunks, QUICK), normalizer, SURFACE, Rates(8, 2))
    for controller in (feeling, plain):
        forces = stroke_forces(controller.act, SURFACE, 1, 20)
        assert np.isfinite(forces).all()
        np.testing.assert_array_equal(forces[:2], stroke_forces(controller.act, SURFACE, 1, 20)[:2])


@pytest.mark.slow
def test_feeling_beats_chunks_alone_where_the_surface_shifts():
    data = demonstrate(SURFACE, 200, 96, 32, 0.002, 0)
    config = RdpTraining(tokenizer_steps=1200, policy_steps=2000)
    normalizer = action_normalizer(data)
    controllers = (
        reactive(train_rdp(data, config), normalizer, SURFACE, Rates()),
        chunk_only(train_chunk_only(data, config), normalizer, SURFACE, Rates()),
    )
    errors = [
        np.mean([force_error(stroke_forces(c.act, SURFACE, 1000 + k, 96)[24:], 5.0) for k in range(30)])
        for c in controllers
    ]
    assert errors[0] < 0.7 * errors[1]
