"""The campaign's page: figures by hand, every cell, and no markup from outside."""

from html.parser import HTMLParser

import pytest

from policy_nodes.running.campaign.page import page, summary, table
from policy_nodes.running.campaign.reaction_chart import chart, counts, quantile, reactions

pytestmark = pytest.mark.pure


def seen(**changes):
    return {
        "detected_s": 1.0, "reason": "joint_state_stale", "state": "STOPPED", "backup": "brake", "category": 1,
        "limit_use": {"velocity": 0.5, "jerk": 0.931}, "recovered": True, **changes,
    }  # fmt: skip


def trial(case="joints_drop", phase="carry", passed=True, reaction=0.5, **more):
    known = {"expected": "joint_state_stale", "problems": [], "seen": seen(), "attempts": 1, "notes": []}
    return {"case": case, "phase": phase, "passed": passed, "reaction_periods": reaction, **known, **more}


def results(*verdicts, **more):
    return {
        "verdicts": list(verdicts), "mode": "live", "bundle": "x.keel", "allowed_periods": 2.0, "period_s": 0.02,
        **more,
    }  # fmt: skip


class Checker(HTMLParser):
    """Refuses tags that are not closed in order, and collects the cells' text."""

    VOID = ("meta", "line", "rect", "text")

    def __init__(self, html):
        super().__init__()
        self.open, self.cells, self.tags = [], [], set()
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "meta":
            return
        self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open:
            self.cells[-1] += data + "|"


def cells(*verdicts):
    return [cell.rstrip("|").split("|") for cell in Checker(table(verdicts)).cells]


def test_a_stop():
    assert cells(trial())[-1] == ["joint state stale", "brake, category 1, 0.50 periods, 93% of limits"]


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (trial(reaction=-1.0), ["joint state stale", "brake, category 1, before it had to be known, 93% of limits"]),
        (trial(reaction=None, seen=seen(detected_s=None)), ["went on", "never became observable"]),
        (trial(expected="tolerated", reaction=None, seen=seen(detected_s=None)), ["went on"]),
        (trial(passed=False, problems=["no reaction", "slow"]), ["joint state stale", "no reaction; slow"]),
        (
            trial(attempts=3, seen=seen(limit_use=None, category=None)),
            ["joint state stale", "brake, 0.50 periods, attempt 3"],
        ),
        (trial(carried_out=False, passed=False, notes=["busy", "again"]), ["not carried out", "busy; again"]),
        (trial(seen=seen(reason="", backup="", category=0, limit_use={})), ["STOPPED", "category 0, 0.50 periods"]),
    ],
)  # fmt: skip
def test_every_kind_of_cell(verdict, text):
    assert cells(verdict)[-1] == text


def test_a_matrix_has_a_gap_where_nothing_was_tried():
    found = cells(trial(phase="carry"), trial("estop", "start"), trial("estop", "carry"))
    assert len(found) == 2 * 4  # two faults: fault, declared, two phases
    assert sorted(len(cell[0]) == 0 for cell in found)[-1] is True and sum(cell == [""] for cell in found) == 1


def test_faults_in_the_catalogues_order_whatever_the_order_of_trials():
    order = [cell[-1] for cell in cells(trial("estop"), trial("unknown_fault"), trial("joints_drop"))[::3]]
    assert order == ["joints_drop", "estop", "unknown_fault"]


def test_the_figures_of_the_summary():
    html = summary(
        results(
            trial(reaction=0.4),
            trial(phase="b", reaction=0.8, attempts=2),
            trial("estop", reaction=1.5, passed=False, seen=seen(recovered=False, limit_use={"jerk": 1.2})),
            trial("x", passed=False, carried_out=False),
            conditions="load 1",
            load_at_end="load 9",
        )
    )
    for text in (
        "2 of 3 trials as declared: 2 faults, live.", "<b>2 of 3</b><span>trials as declared",
        "<b>1</b><span>not carried out", "<b>2 of 3</b><span>stops recovered", "<b>120.0 %</b>",
        "<b>0.80</b><span>median reaction", "<b>2 of 3</b><span>reactions within one period",
        "Begun with load 1; ended with load 9.", "1 of them were begun more than once",
    ):  # fmt: skip
        assert text in html


def test_a_campaign_without_a_single_trial():
    html = page(results())
    assert "0 of 0 trials" in html and "<svg" not in html
    Checker(html)


def test_nothing_from_outside_becomes_markup():
    bad = "<script>alert('x')</script>&"
    html = page(
        results(
            trial(bad, bad, passed=False, problems=[bad], expected=bad),
            trial("estop", notes=[bad], carried_out=False, passed=False),
            bundle=bad, conditions=bad,
        )
    )  # fmt: skip
    assert "<script" not in html and "script" not in Checker(html).tags


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.95, 4), (1.0, 4)])
def test_quantiles_are_values_that_occurred(share, value):
    assert quantile([1, 2, 3, 4], share) == value
    assert quantile([7], share) == 7


def test_bins_have_their_lower_edge():
    assert counts([0.0, 0.05, 0.1, 0.29, 0.3, 0.3]) == [2, 1, 1, 2]
    assert counts([]) == [0] and counts([0.7]) == [0] * 7 + [1]  # 0.7 / 0.1 is below 7 in floating point


def test_reactions_leave_out_what_is_none():
    verdicts = [trial(reaction=r) for r in (0.9, None, -0.1, 0.0)] + [trial(reaction=0.2, carried_out=False)]
    assert reactions(verdicts) == [0.0, 0.9]


def test_the_chart_says_its_figures_and_marks_what_is_late():
    html = chart([0.05, 0.1, 1.0, 2.5], 2.0, 20.0)
    assert "4 reactions: median 0.10, 95th percentile 2.50, longest 2.50 control periods; 3 within one" in html
    assert html.count('class="bar late"') == 1 and html.count('class="bar"') == 3
    assert "control periods of 20 ms" in html
    Checker(html)
