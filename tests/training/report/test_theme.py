import re

import pytest

from policy_nodes.monitors.registry import BUILDERS
from policy_nodes.safety.supervisor import State
from training.report.arrays import SCORES
from training.report.theme import COLORS, SCORE_LABELS, SCORE_LINES, SCORE_SHORT, STATES, css_variables, state_colors


def luminance(color):
    """Relative luminance of WCAG 2.1."""
    parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_light_colours_identify_their_role():
    light = [pair[0] for pair in COLORS.values()]
    assert len(set(light)) == len(light)
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for pair in COLORS.values() for color in pair)


def test_every_score_of_the_monitor_can_be_drawn_and_is_read():
    known = {*BUILDERS, "fiper"}
    assert set(SCORE_LABELS) == set(SCORE_SHORT) == set(SCORE_LINES) == set(SCORES) == known
    assert all(role in COLORS for role, _ in SCORE_LINES.values())
    assert len(set(SCORE_LABELS.values())) == len(known)


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_is_readable_in_both_schemes(scheme):
    card = COLORS["card"][scheme]
    assert contrast(COLORS["ink"][scheme], card) > 10
    assert contrast(COLORS["muted"][scheme], card) > 4.5
    assert all(contrast(COLORS[role][scheme], card) > 3 for role in ("blue", "green", "vermillion", "purple", "amber"))
    for fill, text in STATES.values():
        assert contrast(COLORS[fill][scheme], COLORS[text][scheme]) > 3, (fill, text)


def test_every_supervisor_state_has_a_colour():
    assert {state.name for state in State} <= set(STATES)


def test_unknown_states_are_drawn_grey():
    assert state_colors("PAUSED") == (COLORS["state-init"][0], COLORS["on-light"][0])


def test_css_defines_every_role_twice():
    css = css_variables()
    assert all(css.count(f"--{role}:") == 2 for role in COLORS)
    assert "prefers-color-scheme:dark" in css
