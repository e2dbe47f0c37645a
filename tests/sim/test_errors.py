import inspect

import pytest

from sim import errors


@pytest.mark.parametrize(
    "kind",
    [errors.RobotAssetsError, errors.RobotModelError, errors.CommandError, errors.TaskError, errors.RenderError],
)
def test_every_error_is_a_simulator_error_with_cause_and_fix(kind):
    error = kind("the cube is gone.", "put it back.")
    assert isinstance(error, errors.SimError)
    assert (error.cause, error.fix) == ("the cube is gone.", "put it back.")
    assert str(error) == "the cube is gone. Fix: put it back."


def test_an_error_without_a_fix_prints_only_its_cause():
    assert str(errors.SimError("no table.")) == "no table."


def test_instability_carries_time_cause_and_fix():
    error = errors.UnstableSimulationError(1.25, "a velocity is NaN")
    assert error.time == 1.25
    assert "1.250 s" in error.cause and "a velocity is NaN" in error.cause
    assert error.fix


def test_all_public_errors_descend_from_sim_error():
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    assert len(kinds) >= 7
    assert all(issubclass(kind, errors.SimError) for kind in kinds)
