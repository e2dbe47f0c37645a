import numpy as np
import pytest

from sim.tasks.wiping.surface import AdmittanceExpert, SurfaceConfig, WipingSurface, force_error


def rollout(expert_or_policy, seed, steps=96):
    surface, forces = WipingSurface(seed=seed), []
    for step in range(steps):
        surface.step(expert_or_policy(surface, step))
        forces.append(surface.force)
    return np.array(forces)


def test_the_expert_holds_the_demanded_force_and_a_blind_chunk_does_not():
    config = SurfaceConfig()
    expert = AdmittanceExpert(config)
    held = [rollout(lambda surface, step: expert.act(surface), seed) for seed in range(8)]
    blind = []
    for seed in range(8):
        plan_z = [0.0]

        def act(surface, step, plan_z=plan_z):
            if step % 16 == 0:
                plan_z[0] = expert.act(surface)
            return plan_z[0]

        blind.append(rollout(act, seed))
    errors = [np.mean([force_error(f[12:], config.demanded) for f in runs]) for runs in (held, blind)]
    assert errors[0] < 0.6 * errors[1]


def test_the_surface_pushes_only_in_contact_and_repeats_with_its_seed():
    surface = WipingSurface(seed=3)
    assert surface.force == pytest.approx(2.5)
    for _ in range(60):
        surface.step(surface.height + 1.0)
    assert surface.force == 0.0
    again = [rollout(lambda s, step: s.z, 5) for _ in range(2)]
    np.testing.assert_array_equal(again[0], again[1])
