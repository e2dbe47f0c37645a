"""The wiping model against its own equations."""

import numpy as np
import pytest

from sim.tasks.wiping.surface import AdmittanceExpert, SurfaceConfig, WipingSurface, force_error

STILL = SurfaceConfig(shift_probability=0.0)


def test_a_stroke_begins_at_half_the_demanded_force():
    for seed in range(5):
        surface = WipingSurface(SurfaceConfig(demanded=8.0), seed)
        assert surface.force == pytest.approx(4.0)


def test_the_spring():
    surface = WipingSurface(STILL)
    surface.height, surface.z = 0.02, 0.015
    assert surface.force == pytest.approx(2.5)  # 500 N/m * 5 mm
    surface.z = 0.02
    assert surface.force == 0.0
    surface.z = 0.5
    assert surface.force == 0.0


def test_the_tool_follows_with_its_time_constant():
    """First-order lag: after n periods the share exp(-n T / tau) of the way is left."""
    surface = WipingSurface(STILL)
    surface.z = 1.0
    for _ in range(5):
        surface.step(0.0)
    assert surface.z == pytest.approx(np.exp(-5 / (24.0 * 0.03)))


def test_admittance_converges_to_the_demanded_force():
    """Per period the force error shrinks by the factor 1 - share * gain."""
    surface, expert = WipingSurface(STILL, seed=1), AdmittanceExpert(STILL, gain=0.6)
    share = 1.0 - np.exp(-1.0 / (24.0 * 0.03))
    errors = []
    for _ in range(6):
        errors.append(STILL.demanded - surface.force)
        surface.step(expert.act(surface))
    np.testing.assert_allclose(np.divide(errors[1:], errors[:-1]), 1.0 - 0.6 * share, rtol=1e-9)


def test_the_expert_comes_down_when_it_has_lost_contact():
    surface, expert = WipingSurface(STILL), AdmittanceExpert(STILL)
    surface.z = surface.height + 0.05
    assert expert.act(surface) == pytest.approx(surface.z - 0.6 * 5.0 / 500.0)


def test_shifts_are_as_frequent_and_as_large_as_configured():
    config = SurfaceConfig(shift=0.01, shift_probability=0.25)
    surface, heights = WipingSurface(config, seed=4), []
    for _ in range(4000):
        surface.step(0.0)
        heights.append(surface.height)
    moves = np.diff(heights)
    assert np.mean(moves != 0.0) == pytest.approx(0.25, abs=0.03)
    assert moves[moves != 0.0].std() == pytest.approx(0.01, rel=0.1)


def test_the_error_is_a_root_mean_square():
    assert force_error(np.array([5.0, 8.0, 1.0]), 5.0) == pytest.approx(np.sqrt(25 / 3))
    assert force_error([5.0], 5.0) == 0.0
