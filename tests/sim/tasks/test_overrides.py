"""Configurations from overrides."""

from dataclasses import dataclass

import pytest

from sim.errors import TaskError
from sim.tasks.overrides import configured


@dataclass(frozen=True)
class Size:
    width: int = 1
    height: int = 2


def test_overrides_win_over_defaults_and_defaults_over_the_class():
    assert configured(Size, {}) == Size(1, 2)
    assert configured(Size, {}, width=5) == Size(5, 2)
    assert configured(Size, {"width": 7}, width=5, height=6) == Size(7, 6)


def test_an_unknown_option_is_named_with_the_known_ones():
    with pytest.raises(TaskError, match=r"Size has no option 'depth'.*width, height"):
        configured(Size, {"depth": 3})
