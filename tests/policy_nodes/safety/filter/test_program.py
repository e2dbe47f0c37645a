import daqp
import numpy as np
import pytest

from policy_nodes.safety.filter.program import BarrierProgram


def test_by_hand_in_one_dimension() -> None:
    """u + 1 wanted to be 0, a wall at H(u) = 0.6 + u with the stop at u = 0 and half of it allowed per period."""
    program = BarrierProgram(np.array([1.0]), 1e6, 1, 0.5)
    program.matrix[:] = -1.0
    ends = np.array([[0.0], [-1.0]])
    rigid, flag = program.solve(ends, np.array([0.6]))
    assert flag == 1
    np.testing.assert_allclose(rigid, [-0.3], atol=1e-5)
    # With a cheap slack s it minimises (u + 1)^2 + 3 s^2 with u = -0.3 (1 + s): s = 0.21 / (0.09 + 3).
    program = BarrierProgram(np.array([1.0]), 3.0, 1, 0.5)
    program.matrix[:] = -1.0
    soft, _ = program.solve(ends, np.array([0.6]))
    np.testing.assert_allclose(soft, [-0.3 * (1.0 + 0.21 / 3.09)], atol=1e-6)


@pytest.mark.parametrize(("place", "expected"), [(1.0, -1.0), (0.4, -0.8), (0.1, -0.2)])
def test_digest_vector_of_the_single_integrator(place: float, expected: float) -> None:
    """x' = u with a wall at 0, rate 2 and u wanted -1. The stop is u = 0, where H is x; H falls by dt for every u."""
    dt = 0.01
    program = BarrierProgram(np.ones(1), 1e9, rows=1, rate=2.0 * dt)
    program.matrix[:] = -dt
    found, _ = program.solve(np.array([[0.0], [-1.0]]), np.array([place]))
    np.testing.assert_allclose(found, [expected], atol=1e-6)


def test_warm_starts_change_nothing() -> None:
    rng = np.random.default_rng(0)
    weight, rate = rng.uniform(0.1, 1.0, 7), 0.05
    program = BarrierProgram(weight, 10.0, 20, rate)
    changed = 0
    for _ in range(300):
        ends, slope, at_stop = rng.uniform(-2, 2, (2, 7)), rng.normal(size=(20, 7)), rng.uniform(0, 0.5, 20)
        program.matrix[:] = -slope
        found, flag = program.solve(ends, at_stop)
        rows = np.column_stack([-slope, (rate - 1.0) * at_stop])
        high = np.concatenate([ends.max(axis=0), [1.0], rate * at_stop - slope @ ends[0]])
        low = np.concatenate([ends.min(axis=0), [0.0], np.full(20, -1e30)])
        hessian, linear = np.diag([*weight, 10.0]), np.append(-weight * ends[1], 0.0)
        expected, _, cold, _ = daqp.solve(hessian, linear, rows, high, low, np.zeros(28, dtype=np.int32))
        assert flag == cold == 1
        np.testing.assert_allclose(found, expected[:7], atol=1e-7)
        assert (at_stop + slope @ (np.array(found) - ends[0]) >= -2e-6).all()
        changed += not np.allclose(found, ends[1])
    assert changed > 200


def test_after_a_program_without_solution_the_next_one_is_solved() -> None:
    program = BarrierProgram(np.array([1.0]), 1.0, 1, 0.5)
    program.matrix[:] = 1.0
    ends = np.array([[0.0], [1.0]])
    found, flag = program.solve(ends, np.array([-0.5]))  # the stop itself is beyond the barrier
    assert found is None
    assert flag != 1
    again, _ = program.solve(ends, np.array([0.5]))
    assert 0.25 <= again[0] <= 0.5
