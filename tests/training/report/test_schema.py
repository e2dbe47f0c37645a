import pytest
from pydantic import ValidationError

from training.report.schema import Evaluation, Histogram

EPISODES = [{"seed": 1, "success": True}, {"seed": 2, "success": False}]


def evaluation(**change):
    return Evaluation.model_validate({"episodes": EPISODES, "successes": 1, "interval": [0.1, 0.9], **change})


def test_a_consistent_evaluation_is_accepted_and_unknown_keys_are_ignored():
    assert evaluation(extra="later version").interval == (0.1, 0.9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"successes": 2}, "says 2 but 1"),
        ({"interval": [0.6, 0.9]}, "does not hold the success rate"),
        ({"interval": [0.1, 1.2]}, "does not hold the success rate"),
        ({"episodes": []}, "at least 1"),
        ({"confidence": 95}, "less than 1"),
    ],
)
def test_contradictions_are_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        evaluation(**change)


@pytest.mark.parametrize(
    ("edges", "counts", "message"),
    [([0, 1], [1, 2], "do not fit"), ([0, 1, 1], [1, 2], "do not increase"), ([0, 1], [-1], "negative")],
)
def test_impossible_histograms_are_refused(edges, counts, message):
    with pytest.raises(ValidationError, match=message):
        Histogram(edges=edges, counts=counts)
