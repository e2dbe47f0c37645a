"""Commands: shares, ranges, dead band."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import TaskError
from sim.tasks.velocity.commands import apply_deadband, draw_commands
from sim.tasks.velocity.config import CommandConfig


def test_shares_and_ranges() -> None:
    config = CommandConfig(standing_share=0.1, straight_share=0.2, deadband=0.0)
    commands = draw_commands(config, 20_000, np.random.default_rng(0))
    standing = ~commands.any(axis=1)
    straight = (commands[:, 0] != 0) & ~commands[:, 1:].any(axis=1)
    assert commands.dtype == np.float32
    assert standing.mean() == pytest.approx(0.1, abs=0.01)
    assert straight.mean() == pytest.approx(0.2, abs=0.01)
    for column, name in enumerate(("linear_x", "linear_y", "yaw_rate")):
        low, high = getattr(config, name)
        assert low <= commands[:, column].min() < 0.95 * low
        assert 0.95 * high < commands[:, column].max() <= high


def test_same_seed_same_commands() -> None:
    first = draw_commands(CommandConfig(), 8, np.random.default_rng(3))
    again = draw_commands(CommandConfig(), 8, np.random.default_rng(3))
    np.testing.assert_array_equal(first, again)


def test_deadband_needs_both_parts_small() -> None:
    commands = np.array([[0.05, 0.05, 0.0], [0.05, 0.0, 0.2], [0.2, 0.0, 0.0], [0.08, 0.08, 0.0]])
    apply_deadband(commands, 0.1)
    np.testing.assert_allclose(commands, [[0, 0, 0], [0.05, 0, 0.2], [0.2, 0, 0], [0.08, 0.08, 0]])


@pytest.mark.parametrize(
    ("wrong", "name"),
    [({"linear_x": (1.0, -1.0)}, "linear_x"), ({"standing_share": 0.9, "straight_share": 0.2}, "standing_share")],
)
def test_impossible_settings_are_refused(wrong: dict, name: str) -> None:
    with pytest.raises(TaskError, match=name):
        CommandConfig(**wrong)
