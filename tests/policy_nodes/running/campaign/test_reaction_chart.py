"""The histogram of reactions, by hand."""

import re

import pytest

from policy_nodes.running.campaign.reaction_chart import chart, counts, quantile, reactions

pytestmark = pytest.mark.pure


def test_what_counts_as_a_reaction():
    verdicts = [
        {"reaction_periods": 0.9},
        {"reaction_periods": None},
        {"reaction_periods": -2.0},  # another layer was first
        {"reaction_periods": 5.0, "carried_out": False},
        {"reaction_periods": 0.1, "carried_out": True},
    ]
    assert reactions(verdicts) == [0.1, 0.9]


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.95, 4.0), (0.25, 1.0), (0.0, 1.0), (1.0, 4.0)])
def test_quantiles(share, value):
    assert quantile([1.0, 2.0, 3.0, 4.0], share) == value


def test_counts_have_half_open_bins():
    assert counts([0.0, 0.05, 0.1, 0.3]) == [2, 1, 0, 1]
    assert counts([0.3]) == [0, 0, 0, 1]  # 0.3 / 0.1 is a little below 3 in floats
    assert counts([]) == [0]


def test_the_chart_says_its_figures_and_marks_what_is_late():
    text = chart([0.2, 0.25, 0.9, 2.45], 2.0, 20.0)
    assert "4 reactions: median 0.25, 95th percentile 2.45, longest 2.45 control periods; 3 within one" in text
    assert text.count('class="bar"') == 2 and text.count('class="bar late"') == 1
    heights = [float(value) for value in re.findall(r'height="([\d.]+)"', text)]
    assert heights[0] == 2 * heights[1] == 2 * heights[2]
    assert "control periods of 20 ms" in text and "http" not in text
